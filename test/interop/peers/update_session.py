"""An update session with impacket, early bound: update_session.py PORT USER PASSWORD. Prints what it read as one JSON line."""
import json
import sys

from impacket.dcerpc.v5 import dcomrt, transport
from impacket.dcerpc.v5.dcom.oaut import BSTR
from impacket.dcerpc.v5.dcomrt import DCOMANSWER, DCOMCALL, INTERFACE, IRemUnknown2, PMInterfacePointer
from impacket.dcerpc.v5.dtypes import LONG, ULONG, USHORT
from impacket.dcerpc.v5.rpcrt import DCERPCException, RPC_C_AUTHN_LEVEL_PKT_PRIVACY
from impacket.uuid import string_to_bin, uuidtup_to_bin

port, user, password = int(sys.argv[1]), sys.argv[2], sys.argv[3]
HOST = "127.0.0.1"
UPDATE_SESSION = string_to_bin("4CB43D7F-7EEE-4906-8698-60DA1C38F2FE")
IIDS = {
    "IUpdateSession3": "918EFD1E-B5D8-4C90-8540-AEB9BDC56F9D", "IUpdateSearcher": "8F45ABF1-F9AE-4B95-A933-F0F66E5056EA", "ISearchResult": "D40CFF62-E08C-4498-941A-01E25F0FD33C",
    "IUpdateCollection": "07F7438C-7709-4CA5-B518-91279288134E", "IUpdate": "6A92B07A-D821-4682-B423-5C805022CC4D",
}
IIDS = {name: uuidtup_to_bin((iid, "0.0")) for name, iid in IIDS.items()}


class DCERPCSessionError(DCERPCException):
    """What impacket raises for an HRESULT that is an error; it looks for it in the module of the call."""

    def __init__(self, error_string=None, error_code=None, packet=None):
        DCERPCException.__init__(self, error_string, error_code, packet)


# The object resolver does not listen at port 135 here.
original = transport.DCERPCTransportFactory
dcomrt.transport.DCERPCTransportFactory = lambda binding: original(f"{binding}[{port}]" if binding == f"ncacn_ip_tcp:{HOST}" else binding)


def call(interface, iid, number, asked=(), answered=(), **values):
    """Calls a slot: fields of request and answer as (name, type)."""
    request = type("Call", (DCOMCALL,), {"opnum": number, "structure": tuple(asked)})
    answer = type("CallResponse", (DCOMANSWER,), {"structure": tuple(answered) + (("ErrorCode", ULONG),)})
    globals()["CallResponse"] = answer
    request.__module__ = answer.__module__ = __name__
    filled = request()
    for name, value in values.items():
        if isinstance(filled[name], BSTR) or name in ("criteria", "text"):
            filled[name]["asData"] = value
        else:
            filled[name] = value
    return interface.request(filled, iid=IIDS[iid], uuid=interface.get_iPid())


def child(interface, response):
    return IRemUnknown2(INTERFACE(interface.get_cinstance(), b"".join(response["retval"]["abData"]), interface.get_ipidRemUnknown(), target=HOST))


POINTER, TEXT, NUMBER = ("retval", PMInterfacePointer), ("retval", BSTR), ("retval", LONG)
connection = dcomrt.DCOMConnection(HOST, user, password, "", authLevel=RPC_C_AUTHN_LEVEL_PKT_PRIVACY, oxidResolver=False)
try:
    session = connection.CoCreateInstanceEx(UPDATE_SESSION, IIDS["IUpdateSession3"])
    call(session, "IUpdateSession3", 8, [("text", BSTR)], text="Contoso Patch Auditor")
    call(session, "IUpdateSession3", 16, [("lcid", ULONG)], lcid=1033)
    searcher = child(session, call(session, "IUpdateSession3", 12, (), [POINTER]))
    call(searcher, "IUpdateSearcher", 14, [("value", ULONG)], value=2)
    call(searcher, "IUpdateSearcher", 21, [("value", USHORT)], value=0xFFFF)
    result = child(searcher, call(searcher, "IUpdateSearcher", 19, [("criteria", BSTR)], [POINTER], criteria="IsInstalled=0 and IsHidden=0"))
    try:
        call(searcher, "IUpdateSearcher", 19, [("criteria", BSTR)], [POINTER], criteria="IsInstaled=0")
        refused = None
    except DCERPCSessionError as error:
        refused = error.get_error_code()
    updates = child(result, call(result, "ISearchResult", 9, (), [POINTER]))
    count = call(updates, "IUpdateCollection", 10, (), [NUMBER])["retval"]
    titles = []
    for index in range(count):
        update = child(updates, call(updates, "IUpdateCollection", 7, [("index", LONG)], [POINTER], index=index))
        titles.append(call(update, "IUpdate", 7, (), [TEXT])["retval"]["asData"])
    print(json.dumps({"refused": refused, "count": count, "titles": titles}))
finally:
    connection.disconnect()
