"""Writes connectionless RPC over UDP as scapy builds it: connectionless.py OUT.pcap"""
import sys
import uuid
from scapy.all import Ether, IP, UDP, Raw, wrpcap
from scapy.layers.dcerpc import DceRpc4

IID = uuid.UUID('e1af8308-5d1f-11c9-91a4-08002b14a0fa')
packets = []


def add(back, endian, ptype, sequence, stub, **more):
    source, target = ('192.0.2.9', '192.0.2.5') if back else ('192.0.2.5', '192.0.2.9')
    sport, dport = (135, 50000) if back else (50000, 135)
    rpc = DceRpc4(ptype=ptype, endian=endian, if_id=IID, act_id=uuid.UUID(int=7), if_vers=3, seqnum=sequence, opnum=2, len=len(stub), **more)
    packets.append(Ether(src='02:00:00:00:00:01', dst='02:00:00:00:00:02') / IP(src=source, dst=target) / UDP(sport=sport, dport=dport) / Raw(bytes(rpc) + stub))


for sequence, endian in enumerate(('little', 'big'), 1):
    add(False, endian, 0, sequence, b'q' * 40)
    add(True, endian, 2, sequence, b'a' * 24)
for number in range(3):
    add(False, 'little', 0, 3, b'f' * 32, flags1=4 | (2 if number == 2 else 0), fragnum=number)
add(True, 'little', 3, 3, b'\x03\x00\x01\x1c')
wrpcap(sys.argv[1], packets)
