"""The makers of firewalls in the samples, one module each.

A new maker is a module with a `MAKER`, and the module's name in the two lines below.
"""

from samples.vendors import check_point, fortinet, palo_alto, zscaler

# The gateways are numbered in this order; another order gives other bytes.
MAKERS = tuple(module.MAKER for module in (fortinet, palo_alto, check_point, zscaler))
GATEWAYS = tuple(gateway for maker in MAKERS for gateway in maker.gateways)
