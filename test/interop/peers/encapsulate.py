"""Writes the packets of a capture in every tunnel, tag and link type that scapy can build: encapsulate.py IN FOLDER"""
import struct
import sys
from scapy.all import Ether, IP, IPv6, TCP, UDP, GRE, Raw, Dot1Q, Dot1AD, LLC, SNAP, Dot11, Dot11QoS, RadioTap, PPP, PPPoE, rdpcap
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


def ip6(packet):
    inner = packet[IP]
    return IPv6(src='2001:db8::' + inner.src.split('.')[-1], dst='2001:db8::' + inner.dst.split('.')[-1]) / bytes_of_tcp(inner)


def bytes_of_tcp(inner):
    segment = inner[TCP].copy()
    segment.remove_payload()
    # Made anew: it covers the addresses.
    del segment.chksum
    payload = bytes(inner)[inner.ihl * 4 + inner[TCP].dataofs * 4:inner.len]
    return segment / Raw(payload) if payload else segment


def tagged(*head):
    """Both addresses of Ethernet, bytes, and what is behind the type of the frame, its own type included."""
    return lambda p: Raw(bytes(p)[:12] + bytes(head) + bytes(p)[12:])


def behind(*head):
    return Raw(bytes(head))


def tlv(kind, data, little='<'):
    return struct.pack(little + 'HH', 4 + len(data), kind) + data + bytes(-len(data) % 4)


sa = SecurityAssociation(ESP, spi=7, crypt_algo='NULL', auth_algo='HMAC-SHA1-96', auth_key=b'k' * 20, tunnel_header=IP(src='198.51.100.1', dst='198.51.100.2'))
ah = SecurityAssociation(AH, spi=7, auth_algo='HMAC-SHA1-96', auth_key=b'k' * 20, tunnel_header=IP(src='198.51.100.1', dst='198.51.100.2'))
ah_only = SecurityAssociation(AH, spi=7, auth_algo='HMAC-SHA1-96', auth_key=b'k' * 20)
esp_only = SecurityAssociation(ESP, spi=7, crypt_algo='NULL', auth_algo='HMAC-SHA1-96', auth_key=b'k' * 20)
wireless = Dot11(type=2, subtype=0, FCfield=1, addr1='02:00:00:00:00:0a', addr2='02:00:00:00:00:0b', addr3='02:00:00:00:00:0c') / LLC(dsap=0xaa, ssap=0xaa, ctrl=3) / SNAP(OUI=0, code=0x0800)


def plain_of(kind):
    return Ether(src='02:00:00:00:00:0a', dst='02:00:00:00:00:0b', type=kind)


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
    'vxlan-8472': (1, lambda p: outer(8472) / VXLAN(vni=42) / frame(p)),
    'vxlan-gpe-ip': (1, lambda p: outer(4790) / behind(12, 0, 0, 1, 0, 0, 42, 0) / ip(p)),
    'vxlan-gpe-ethernet': (1, lambda p: outer(4790) / behind(12, 0, 0, 3, 0, 0, 42, 0) / frame(p)),
    'geneve-options': (1, lambda p: outer(6081) / behind(2, 0, 0x65, 0x58, 0, 0, 42, 0, 1, 2, 3, 1, 9, 9, 9, 9) / frame(p)),
    'gtpu-extension': (1, lambda p: outer(2152) / Raw(struct.pack('>BBHIHBB', 0x34, 255, 8 + len(ip(p)), 9, 0, 0, 0x85) + bytes((1, 0, 0, 0))) / ip(p)),
    'gre-udp': (1, lambda p: outer(4754) / GRE() / ip(p)),
    'pptp': (1, lambda p: plain / IP(src='198.51.100.1', dst='198.51.100.2', proto=47) / Raw(struct.pack('>BBHHHII', 0x30, 0x81, 0x880b, len(ip(p)) + 4, 7, 1, 1) + bytes((255, 3, 0, 0x21))) / ip(p)),
    'erspan-3': (1, lambda p: outer() / GRE(proto=0x22eb, seqnum_present=1, sequence_number=1) / behind(0x20, 1, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0) / frame(p)),
    'erspan-3-subheader': (1, lambda p: outer() / GRE(proto=0x22eb, seqnum_present=1, sequence_number=1) / behind(0x20, 1, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, *bytes(8)) / frame(p)),
    '6in4': (1, lambda p: outer() / ip6(p)),
    '6in6': (1, lambda p: plain / IPv6(src='2001:db8:1::1', dst='2001:db8:1::2') / ip6(p)),
    'teredo': (1, lambda p: outer(3544) / ip6(p)),
    'lisp': (1, lambda p: outer(4341) / behind(*bytes(8)) / ip(p)),
    'mpls-ip': (1, lambda p: Ether(src='02:00:00:00:00:0a', dst='02:00:00:00:00:0b') / IP(src='198.51.100.1', dst='198.51.100.2', proto=137) / MPLS(label=5, s=1) / ip(p)),
    'mpls-ethernet': (1, lambda p: plain / MPLS(label=5, s=1) / behind(0, 0, 0, 0) / frame(p)),
    'l2tp-3-ip': (1, lambda p: Ether(src='02:00:00:00:00:0a', dst='02:00:00:00:00:0b') / IP(src='198.51.100.1', dst='198.51.100.2', proto=115) / behind(0, 0, 0, 7) / frame(p)),
    'l2tp-3-udp': (1, lambda p: outer(1701) / behind(0, 3, 0, 0, 0, 0, 0, 7) / frame(p)),
    'tzsp': (1, lambda p: outer(37008) / behind(1, 0, 0, 1, 0, 10, 1, 99, 1) / frame(p)),
    'ah-transport': (1, lambda p: plain / ah_only.encrypt(ip(p))),
    'esp-null-transport': (1, lambda p: plain / esp_only.encrypt(ip(p))),
    'esp-udp': (1, lambda p: outer(4500) / sa.encrypt(ip(p))[ESP]),
    'qinq-9100': (1, tagged(0x91, 0, 0, 10, 0x91, 0, 0, 20)),
    '802.1ah': (1, lambda p: plain_of(0x88e7) / behind(0, 1, 2, 3) / frame(p)),
    'vn-tag': (1, tagged(0x89, 0x26, 0, 1, 0, 2)),
    '802.1br': (1, tagged(0x89, 0x3f, 0, 1, 0, 2, 0, 0)),
    'cisco-metadata': (1, tagged(0x89, 0x09, 1, 1, 0, 1, 0, 10)),
    'macsec-clear': (1, lambda p: Raw(bytes(p)[:12] + bytes((0x88, 0xe5, 0x20, 0, 0, 0, 0, 1, *bytes(8))) + bytes(p)[12:] + bytes(16))),
    'macsec-clear-short': (1, lambda p: Raw(bytes(p)[:12] + bytes((0x88, 0xe5, 0, 0, 0, 0, 0, 1)) + bytes(p)[12:] + bytes(16))),
    'hsr': (1, tagged(0x89, 0x2f, 0, 52, 0, 1)),
    'null': (0, lambda p: behind(2, 0, 0, 0) / ip(p)),
    'null-ip6': (0, lambda p: behind(30, 0, 0, 0) / ip6(p)),
    'token-ring': (6, lambda p: behind(0x10, 0x40, *bytes(12), 0xaa, 0xaa, 3, 0, 0, 0, 8, 0) / ip(p)),
    'fddi': (10, lambda p: behind(0x50, *bytes(12), 0xaa, 0xaa, 3, 0, 0, 0, 8, 0) / ip(p)),
    'raw-12': (12, ip),
    'raw-14': (14, ip),
    'hdlc-ppp': (50, lambda p: behind(0xff, 3, 0, 0x21) / ip(p)),
    'hdlc-cisco': (104, lambda p: behind(0x0f, 0, 8, 0) / ip(p)),
    'ppp-ether': (51, lambda p: PPPoE(sessionid=3) / PPP(proto=0x21) / ip(p)),
    'rfc1483': (100, lambda p: behind(0xaa, 0xaa, 3, 0, 0, 0, 8, 0) / ip(p)),
    'frame-relay': (107, lambda p: behind(0x18, 0x41, 3, 0xcc) / ip(p)),
    'frame-relay-ip6': (107, lambda p: behind(0x18, 0x41, 3, 0x8e) / ip6(p)),
    'frame-relay-snap': (107, lambda p: behind(0x18, 0x41, 3, 0, 0x80, 0, 0, 0, 8, 0) / ip(p)),
    'frame-relay-bridged': (107, lambda p: behind(0x18, 0x41, 3, 0, 0x80, 0, 0x80, 0xc2, 0, 7) / frame(p)),
    'frame-relay-cisco': (107, lambda p: behind(0x18, 0x41, 8, 0) / ip(p)),
    'frame-relay-long': (107, lambda p: behind(0x18, 0x40, 0x40, 0x41, 3, 0xcc) / ip(p)),
    'fibre-channel': (122, lambda p: behind(*bytes(16), 0xaa, 0xaa, 3, 0, 0, 0, 8, 0) / ip(p)),
    'loop': (108, lambda p: behind(0, 0, 0, 2) / ip(p)),
    'enc': (109, lambda p: behind(2, 0, 0, 0, *bytes(8)) / ip(p)),
    'pflog': (117, lambda p: behind(61, 2, 0, 0, *b'em0'.ljust(16, bytes(1)), *bytes(16), *bytes(8), *bytes(16), 0, *bytes(3)) / ip(p)),
    'prism': (119, lambda p: Raw(struct.pack('<II', 0x44, 144) + bytes(136)) / wireless / ip(p)),
    'avs': (163, lambda p: Raw(struct.pack('>II', 0x80211001, 64) + bytes(56)) / wireless / ip(p)),
    'ppi': (192, lambda p: Raw(struct.pack('<BBHI', 0, 0, 8, 105)) / wireless / ip(p)),
    'firewire': (138, lambda p: behind(*bytes(16), 8, 0) / ip(p)),
    'ppp-direction': (204, lambda p: behind(0, 0xff, 3, 0, 0x21) / ip(p)),
    'ipv4': (228, ip),
    'ipv6': (229, ip6),
    'nflog': (239, lambda p: Raw(bytes((2, 0, 0, 0)) + tlv(1, bytes((8, 0, 0, 0))) + tlv(9, bytes(ip(p))))),
    'ipoib': (242, lambda p: behind(*bytes(40), 8, 0, 0, 0) / ip(p)),
    'exported': (252, lambda p: Raw(struct.pack('>HH', 12, 4) + b'ip\0\0' + bytes(4)) / ip(p)),
    'pktap': (258, lambda p: Raw(struct.pack('<III', 108, 1, 1) + bytes(96)) / frame(p)),
    'vxlan-in-gre': (1, lambda p: outer() / GRE() / (outer(4789) / VXLAN(vni=42) / frame(p))[IP]),
}

for name, (link, form) in FORMS.items():
    try:
        made = [form(packet) for packet in packets]
    except Exception as error:  # A version of scapy without the layer.
        print('left out', name, type(error).__name__, file=sys.stderr)
        continue
    # scapy's own writer takes link type 0 for none.
    with open('%s/%s.pcap' % (folder, name), 'wb') as file:
        file.write(struct.pack('<IHHiIII', 0xa1b23c4d, 2, 4, 0, 0, 262144, link))
        for packet, original in zip(made, packets):
            data = bytes(packet)
            seconds, rest = divmod(int(original.time * 10**9), 10**9)
            file.write(struct.pack('<IIII', seconds, rest, len(data), len(data)) + data)
    print(name)
