"""The makers of firewalls in the samples, a module each.

A new maker is a module with its `MAKER`, and its name in the two lines below.
"""

from samples.vendors import check_point, fortinet, palo_alto, zscaler

# The order numbers the gateways; another one makes other bytes.
MAKERS = tuple(module.MAKER for module in (fortinet, palo_alto, check_point, zscaler))
GATEWAYS = tuple(gateway for maker in MAKERS for gateway in maker.gateways)
