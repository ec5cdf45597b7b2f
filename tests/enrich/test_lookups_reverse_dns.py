"""Reverse DNS, against a name server on loopback."""

import socketserver

from enrich.lookups import reverse_dns
from tests.support.lookups import looked_up, made


def test_reverse_dns_asks_the_server_that_is_set_and_spells_out_what_is_hostile(serve):
    import dns.flags
    import dns.message
    import dns.rcode
    import dns.rrset

    asked = []

    class Handler(socketserver.BaseRequestHandler):
        def handle(self):
            content, sender = self.request
            query = dns.message.from_wire(content)
            name = query.question[0].name
            asked.append(str(name))
            answer = dns.message.make_response(query)
            if str(name).startswith("1."):
                host = "\\027[2J<b>evil</b>.example."
                answer.answer.append(dns.rrset.from_text(name, 60, "IN", "PTR", host))
            else:
                answer.set_rcode(dns.rcode.NXDOMAIN)
            sender.sendto(answer.to_wire(), self.client_address)

    port = serve(socketserver.ThreadingUDPServer(("127.0.0.1", 0), Handler))
    lookups = made(reverse_dns, nameservers=["127.0.0.1"], port=port, timeout_seconds=2)
    rows, _ = looked_up(lookups, "198.51.100.1", "198.51.100.2", "192.168.1.1")
    assert [row["reverse_dns_status"] for row in rows[:2]] == ["ok", "miss"]
    assert rows[0]["reverse_dns"].endswith("evil</b>.example.") and "\x1b" not in str(rows[0])
    assert set(asked) == {"1.100.51.198.in-addr.arpa.", "2.100.51.198.in-addr.arpa."}


def test_a_name_server_that_is_down_fails_in_time():
    lookups = made(reverse_dns, nameservers=["127.0.0.1"], port=9, timeout_seconds=0.3)
    rows, _ = looked_up(lookups, "198.51.100.1")
    assert rows[0]["reverse_dns_status"].startswith("failed: ")
