"""A search by scapy's DCOM client with its defaults, printed as one JSON object.

Usage: scapy_client.py HOST USER PASSWORD
The object resolver of HOST listens on port 135, as scapy's client wants it.
"""
import json
import sys
import uuid

from scapy.config import conf
from scapy.layers.dcerpc import find_com_interface
from scapy.layers.msrpce.msdcom import DCOM_Client
from scapy.layers.ntlm import MD4le, NTLMSSP
from scapy.layers.spnego import SPNEGOSSP
import msrpcs.ms_uamg as u

CLSID_SESSION = uuid.UUID('4CB43D7F-7EEE-4906-8698-60DA1C38F2FE')
ASKED = 'IsInstalled=0'


def bstr(value):
    units = len(value)
    return u.FLAGGED_WORD_BLOB(max_count=units, cBytes=2 * units, clSize=units, asData=value.encode('utf-16-le'))


def main(host, user, password):
    conf.logLevel = 40
    client = DCOM_Client(ssp=SPNEGOSSP([NTLMSSP(UPN=user, HASHNT=MD4le(password))]), verb=False)
    client.connect(host)
    session = client.RemoteCreateInstance(CLSID_SESSION, [find_com_interface('IUpdateSession3')])
    made = session.sr1_req(u.CreateUpdateSearcher_Request(), iface=find_com_interface('IUpdateSession3'))
    searcher = client.UnmarshallObjectReference(made.valueof('retval'), iid=find_com_interface('IUpdateSearcher'))
    answer = searcher.sr1_req(u.Search_Request(criteria=bstr(ASKED)), iface=find_com_interface('IUpdateSearcher'))
    result = client.UnmarshallObjectReference(answer.valueof('retval'), iid=find_com_interface('ISearchResult'))
    code = result.sr1_req(u.get_ISearchResult_ResultCode_Request(), iface=find_com_interface('ISearchResult'))
    updates = client.UnmarshallObjectReference(
        result.sr1_req(u.get_ISearchResult_Updates_Request(), iface=find_com_interface('ISearchResult')).valueof('retval'),
        iid=find_com_interface('IUpdateCollection'))
    count = updates.sr1_req(u.get_IUpdateCollection_Count_Request(), iface=find_com_interface('IUpdateCollection'))
    mandatory = []
    for at in range(count.retval):
        item = updates.sr1_req(u.get_IUpdateCollection_Item_Request(index=at), iface=find_com_interface('IUpdateCollection'))
        update = client.UnmarshallObjectReference(item.valueof('retval'), iid=find_com_interface('IUpdate'))
        got = update.sr1_req(u.get_IUpdate_IsMandatory_Request(), iface=find_com_interface('IUpdate'))
        mandatory.append(bool(got.retval))
    print(json.dumps({'code': int(code.retval), 'count': int(count.retval), 'mandatory': mandatory}))


main(*sys.argv[1:])
