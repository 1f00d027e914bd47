"""Writes the packets of a capture in every tunnel, tag and link type that scapy can build: encapsulate.py IN FOLDER"""
import sys
from scapy.all import Ether, IP, IPv6, UDP, GRE, Raw, Dot1Q, Dot1AD, LLC, SNAP, Dot11, Dot11QoS, RadioTap, PPP, PPPoE, PcapWriter, rdpcap
from scapy.contrib.geneve import GENEVE
from scapy.contrib.gtp import GTP_U_Header
from scapy.contrib.mpls import MPLS
from scapy.contrib.erspan import ERSPAN_I, ERSPAN_II, ERSPAN_III
from scapy.layers.vxlan import VXLAN
from scapy.layers.l2tp import L2TP
from scapy.layers.l2 import Dot3, CookedLinux, CookedLinuxV2
from scapy.layers.ipsec import AH, ESP, SecurityAssociation
from scapy.contrib.nsh import NSH
from scapy.contrib.etherip import EtherIP

source, folder = sys.argv[1:3]
packets = rdpcap(source)


def outer(port=None):
    head = Ether(src='02:00:00:00:00:0a', dst='02:00:00:00:00:0b') / IP(src='198.51.100.1', dst='198.51.100.2')
    return head if port is None else head / UDP(sport=50000, dport=port)


def ip(packet):
    return packet[IP].copy()


def frame(packet):
    return packet.copy()


sa = SecurityAssociation(ESP, spi=7, crypt_algo='NULL', auth_algo='HMAC-SHA1-96', auth_key=b'k' * 20, tunnel_header=IP(src='198.51.100.1', dst='198.51.100.2'))
ah = SecurityAssociation(AH, spi=7, auth_algo='HMAC-SHA1-96', auth_key=b'k' * 20, tunnel_header=IP(src='198.51.100.1', dst='198.51.100.2'))
plain = Ether(src='02:00:00:00:00:0a', dst='02:00:00:00:00:0b')

FORMS = {
    'vxlan': (1, lambda p: outer(4789) / VXLAN(vni=42) / frame(p)),
    'geneve': (1, lambda p: outer(6081) / GENEVE(vni=42, proto=0x6558) / frame(p)),
    'gtpu': (1, lambda p: outer(2152) / GTP_U_Header(teid=9, gtp_type=255) / ip(p)),
    'gre': (1, lambda p: outer() / GRE() / ip(p)),
    'gre-key-sum': (1, lambda p: outer() / GRE(key_present=1, key=5, chksum_present=1, seqnum_present=1, sequence_number=1) / ip(p)),
    'nvgre': (1, lambda p: outer() / GRE(proto=0x6558, key_present=1, key=0x2a00) / frame(p)),
    'erspan-1': (1, lambda p: outer() / GRE(proto=0x88be) / ERSPAN_I() / frame(p)),
    'erspan-2': (1, lambda p: outer() / GRE(proto=0x88be, seqnum_present=1, sequence_number=1) / ERSPAN_II(ver=1, session_id=1) / frame(p)),
    'ipip': (1, lambda p: outer() / ip(p)),
    '4in6': (1, lambda p: plain / IPv6(src='2001:db8::1', dst='2001:db8::2') / ip(p)),
    'etherip': (1, lambda p: outer() / EtherIP() / frame(p)),
    'mpls-udp': (1, lambda p: outer(6635) / MPLS(label=5, s=1) / ip(p)),
    'l2tp': (1, lambda p: outer(1701) / L2TP(tunnel_id=1, session_id=2) / PPP(proto=0x21) / ip(p)),
    'ah-tunnel': (1, lambda p: plain / ah.encrypt(ip(p))),
    'esp-null': (1, lambda p: plain / sa.encrypt(ip(p))),
    'qinq': (1, lambda p: plain / Dot1AD(vlan=10) / Dot1Q(vlan=20) / ip(p)),
    'pppoe': (1, lambda p: plain / PPPoE(sessionid=3) / PPP(proto=0x21) / ip(p)),
    'mpls': (1, lambda p: plain / MPLS(label=5, s=0) / MPLS(label=6, s=1) / ip(p)),
    'snap': (1, lambda p: Dot3(src='02:00:00:00:00:0a', dst='02:00:00:00:00:0b') / LLC(dsap=0xaa, ssap=0xaa, ctrl=3) / SNAP(OUI=0, code=0x0800) / ip(p)),
    'nsh': (1, lambda p: Ether(src='02:00:00:00:00:0a', dst='02:00:00:00:00:0b', type=0x894f) / NSH(mdtype=2, nextproto=1, spi=1) / ip(p)),
    'wlan': (105, lambda p: Dot11(type=2, subtype=0, FCfield=1, addr1='02:00:00:00:00:0a', addr2='02:00:00:00:00:0b', addr3='02:00:00:00:00:0c') / LLC(dsap=0xaa, ssap=0xaa, ctrl=3) / SNAP(OUI=0, code=0x0800) / ip(p)),
    'wlan-qos': (105, lambda p: Dot11(type=2, subtype=8, FCfield=1, addr1='02:00:00:00:00:0a', addr2='02:00:00:00:00:0b', addr3='02:00:00:00:00:0c') / Dot11QoS() / LLC(dsap=0xaa, ssap=0xaa, ctrl=3) / SNAP(OUI=0, code=0x0800) / ip(p)),
    'radiotap': (127, lambda p: RadioTap() / Dot11(type=2, subtype=0, FCfield=1, addr1='02:00:00:00:00:0a', addr2='02:00:00:00:00:0b', addr3='02:00:00:00:00:0c') / LLC(dsap=0xaa, ssap=0xaa, ctrl=3) / SNAP(OUI=0, code=0x0800) / ip(p)),
    'sll': (113, lambda p: CookedLinux(proto=0x0800) / ip(p)),
    'sll2': (276, lambda p: CookedLinuxV2(proto=0x0800) / ip(p)),
    'raw': (101, ip),
    'ppp': (9, lambda p: Raw(b'\xff\x03\x00\x21') / ip(p)),
    'vxlan-in-gre': (1, lambda p: outer() / GRE() / (outer(4789) / VXLAN(vni=42) / frame(p))[IP]),
}

for name, (link, form) in FORMS.items():
    try:
        made = [form(packet) for packet in packets]
    except Exception as error:  # A version of scapy without the layer.
        print('left out', name, type(error).__name__, file=sys.stderr)
        continue
    writer = PcapWriter('%s/%s.pcap' % (folder, name), linktype=link)
    for packet, original in zip(made, packets):
        packet.time = original.time
        writer.write(packet)
    writer.close()
    print(name)
