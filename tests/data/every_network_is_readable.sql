-- Rows of the seed that are not a network. The models would silently ignore them.
select internal_networks.network
from {{ ref('internal_networks') }} as internal_networks
left anti join {{ ref('stg_internal_networks') }} as readable
    on internal_networks.network = readable.network
