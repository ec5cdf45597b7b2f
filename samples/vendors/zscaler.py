"""Zscaler: a web proxy, so its rows have no ports and no protocol."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from samples.rows import Log
from samples.vendors.maker import SIZES, Format, Gateway, Maker, Template, Values, event

LINE = Template(
    "gateway event source destination",
    SIZES
    | {
        "ApplicationProtocol": "%(scheme)s",
        "RequestMethod": "GET",
        "RequestURL": "%(scheme)s://%(name)s/%(session)x/index.html",
        "DestinationHostName": "%(name)s",
        "RequestClientApplication": "Mozilla/5.0 (Windows NT 10.0; Win64; x64) Gecko/20100101",
        "DestinationServiceName": "General Browsing",
        "SourceTranslatedAddress": "192.0.2.3",
        "AdditionalExtensions": "cat=Internet Services;rulelabel=Default;ruletype=URLFilter;"
        "urlclass=Business Use;urlsupercat=Internet Communication;devicemodel=Virtual Machine;"
        "appclass=General Browsing;appriskscore=%(small)d;bwthrottle=NO;contenttype=text/html;"
        "threatname=None;malwarecategory=None;pagerisk=0;ssldecrypted=Yes;clientsslcipher="
        "TLS_AES_256_GCM_SHA384;clienttlsversion=TLS1_3;location=Home Office;department=Sales;"
        "externalid=%(session)d",
    },
)
ALLOWED, BLOCKED = (event(*[word] * 4, "3") for word in ("Allowed", "Blocked"))


def lines(rng: np.random.Generator, rows: np.ndarray, values: Values) -> Iterator[str]:
    """Write rows as Zscaler's log streaming service does."""
    denied = (rows["log"] == Log.DENIED).tolist()
    values["event"] = [BLOCKED if is_denied else ALLOWED for is_denied in denied]
    values["scheme"] = ["http" if n == "http" else "https" for n in values["service_name"]]
    return LINE.lines(values)


WEB_PROXY = Format("NSSWeblog", "5.7", lines, is_proxy=True)
MAKER = Maker(gateways=(Gateway("ZS-NSS-01", "Zscaler", WEB_PROXY, 0.08),))
