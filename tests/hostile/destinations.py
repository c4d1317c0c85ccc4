"""Addresses that must lead nowhere (reliability-security R34). `{p}` is the port of a listener that
would notice; `{a}` is an account-shaped piece that some readers take for the host."""

from __future__ import annotations

V4 = """
127.0.0.1 127.0.0.2 127.1.2.3 127.255.255.254 0.0.0.0 0.0.0.1 10.0.0.1 10.255.255.255
100.64.0.1 100.100.100.200
100.127.255.254 168.63.129.16 169.254.0.1 169.254.169.254 169.254.170.2 172.16.0.1 172.31.255.255 192.0.0.1
192.0.0.192 192.0.2.1 192.88.99.1 192.168.0.1 192.168.255.255 198.18.0.1 198.19.255.255 198.51.100.7
203.0.113.7 224.0.0.1 224.0.0.251 239.255.255.250 240.0.0.1 255.255.255.255
""".split()

SPELLINGS = """
127.1 127.0.1 0 0.0 2130706433 017700000001 0x7f000001 0x7f.1 0x7f.0.0.1 0177.0.0.1 0177.0.0.01 127.0.0.0x1
127.0.0.01 127.00.00.01 127.0.0.1. 127.0.0.1.. 3232235521 0xa9fea9fe 2852039166 0251.0376.0251.0376
169.254.43518
0xA9.0xFE.0xA9.0xFE 127.0.0.256 1.2.3.4.5 4294967297 127.0.0.1%00 127.0.0.1%2f 127%2e0%2e0%2e1
""".split()

V6 = """
[::] [::1] [0:0:0:0:0:0:0:1] [0000:0000:0000:0000:0000:0000:0000:0001] [::127.0.0.1] [::ffff:127.0.0.1]
[::ffff:7f00:1] [::ffff:0:127.0.0.1] [::ffff:10.0.0.1] [::ffff:169.254.169.254] [64:ff9b::127.0.0.1]
[64:ff9b::7f00:1] [64:ff9b::a9fe:a9fe] [64:ff9b:1::1] [2002:7f00:1::] [2002:a9fe:a9fe::1] [2001::1]
[2001:0:7f00:1::] [2001:db8::1] [3fff::1] [100::1] [fc00::1] [fd00:ec2::254] [fd12:3456:789a::1] [fe80::1]
[fe80::1%25eth0] [fe80::1%eth0] [fec0::1] [ff02::1] [ff0e::1] [5f00::1] [8000::1] [::1%25lo]
[::1 [::1]] [[::1]]
[::g] [1:2:3] [127.0.0.1] []
""".split()

NAMES = {
    "loopback.test": ["127.0.0.1"],
    "loopback6.test": ["::1"],
    "private.test": ["10.1.2.3"],
    "metadata.test": ["169.254.169.254"],
    "mapped.test": ["::ffff:127.0.0.1"],
    "nat64.test": ["64:ff9b::7f00:1"],
    "sixtofour.test": ["2002:7f00:1::1"],
    "unique-local.test": ["fd00:ec2::254"],
    "scoped.test": ["fe80::1%lo"],
    "mixed.test": ["93.184.216.34", "127.0.0.1"],
    "mixed6.test": ["2606:2800:220:1::1", "::1"],
    "none.test": [],
    "localhost": ["127.0.0.1", "::1"],
    "localhost.localdomain": ["127.0.0.1"],
    "ip6-localhost": ["::1"],
    "metadata.google.internal": ["169.254.169.254"],
}
"""What the resolver of the tests knows."""

SCHEMES = """
http ftp file gopher dict ldap ldaps tftp sftp ssh telnet ws wss jar netdoc data javascript unix
about blob view-source
""".split()

WHOLE = [
    "",
    " ",
    "https:",
    "https:/",
    "https://",
    "https:///",
    "https://:{p}/",
    "https:///127.0.0.1:{p}/",
    "https:127.0.0.1:{p}",
    "https:/127.0.0.1:{p}/",
    "//127.0.0.1:{p}/",
    "127.0.0.1:{p}",
    "/etc/passwd",
    "file:///etc/passwd",
    "data:text/html,x",
    "javascript:alert(1)",
    " https://127.0.0.1:{p}/",
    "https://127.0.0.1:{p}/ ",
    "\thttps://127.0.0.1:{p}/",
    "https://127.0.0.1:{p}/\n",
    "https://127.0.0.1:{p}/\r\nHost: other",
    "https://127.0.0.1:{p}\\@public.test/",
    "https:\\\\127.0.0.1:{p}\\",
    "https://public.test@127.0.0.1:{p}/",
    "https://public.test:443@127.0.0.1:{p}/",
    "https://127.0.0.1:{p}#@public.test/",
    "https://public.test#@127.0.0.1:{p}/",
    "https://public.test?@127.0.0.1:{p}/\x00",
    "https://public.test\\@127.0.0.1:{p}/",
    "https://public.test%40127.0.0.1:{p}/",
    "https://public.test\t@127.0.0.1:{p}/",
    "https://public.test,127.0.0.1:{p}/",
    "https://127.0.0.1 public.test:{p}/",
    "https://127.0.0.1:{p}:443/",
    "https://127.0.0.1:+{p}/",
    "https://127.0.0.1:0{p}/",
    "https://127.0.0.1:99999/",
    "https://127.0.0.1:-1/",
    "https://127.0.0.1:/",
    "https://①②⑦.⓪.⓪.①:{p}/",
    "https://127。0。0。1:{p}/",
    "https://loopb\u0430ck.test:{p}/",
    "https://loopback.test.:{p}/",
    "https://LOOPBACK.TEST:{p}/",
    "https://.loopback.test:{p}/",
    "https://loopback..test:{p}/",
    "https://-loopback.test:{p}/",
    "https://loop_back.test:{p}/",
    "https://loopback.test:{p}/%zz",
    "https://loopback.test:{p}/a b",
    "https://loopback.test:{p}/<x>",
    'https://loopback.test:{p}/"x"',
    "https://loopback.test:{p}/" + "x" * 3000,
    "https://" + "a" * 64 + ".test:{p}/",
    "https://public.test:22/",
    "https://public.test:80/",
    "https://public.test:6379/",
    "http://public.test/",
    "http://public.test:443/",
    "HTTP://public.test:{p}/",
]

HOSTS = [*V4, *SPELLINGS, *V6, *(name for name in NAMES)]
URLS = [
    *(f"https://{host}:{{p}}/x" for host in HOSTS),
    *(f"{scheme}://127.0.0.1:{{p}}/x" for scheme in SCHEMES),
    *WHOLE,
]
