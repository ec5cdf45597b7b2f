"""The makers of firewalls in the samples, one module each.

A new maker is a module with a `MAKER`, and the module's name in the two lists below.
"""

from samples.vendors import (
    check_point,
    cisco,
    forcepoint,
    fortinet,
    juniper,
    palo_alto,
    sonicwall,
    sophos,
    watchguard,
    zscaler,
)

# The gateways are numbered in this order; another order gives other bytes.
MAKERS = tuple(
    module.MAKER
    for module in (
        *(fortinet, palo_alto, check_point, zscaler, cisco),
        *(sonicwall, juniper, sophos, watchguard, forcepoint),
    )
)
GATEWAYS = tuple(gateway for maker in MAKERS for gateway in maker.gateways)
