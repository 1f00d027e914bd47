"""Calls/s of impacket: impacket_calls.py HOST PORT USER PASSWORD LEVEL BINDING CALLS. Reads properties of updates in turn; prints one JSON line."""
import json
import sys
import time

from impacket.dcerpc.v5 import dcomrt, transport
from impacket.dcerpc.v5.dcom.oaut import BSTR, DISPATCH_PROPERTYGET, DISPPARAMS, IDispatch, IID_IDispatch, VARENUM, VARIANT
from impacket.dcerpc.v5.dcomrt import DCOMANSWER, DCOMCALL, INTERFACE, IRemUnknown2, PMInterfacePointer
from impacket.dcerpc.v5.dtypes import LONG, NULL, ULONG
from impacket.dcerpc.v5.rpcrt import DCERPCException, RPC_C_AUTHN_LEVEL_PKT_INTEGRITY, RPC_C_AUTHN_LEVEL_PKT_PRIVACY
from impacket.uuid import string_to_bin, uuidtup_to_bin

host, port, user, password, level, binding, calls = sys.argv[1:8]
calls = int(calls)
LEVELS = {"integrity": RPC_C_AUTHN_LEVEL_PKT_INTEGRITY, "privacy": RPC_C_AUTHN_LEVEL_PKT_PRIVACY}
SESSION = string_to_bin("4CB43D7F-7EEE-4906-8698-60DA1C38F2FE")
IIDS = {
    "IUpdateSession": "816858A4-260D-4260-933A-2585F1ABC76B", "IUpdateSearcher": "8F45ABF1-F9AE-4B95-A933-F0F66E5056EA", "ISearchResult": "D40CFF62-E08C-4498-941A-01E25F0FD33C",
    "IUpdateCollection": "07F7438C-7709-4CA5-B518-91279288134E", "IUpdate": "6A92B07A-D821-4682-B423-5C805022CC4D",
}
IIDS = {name: uuidtup_to_bin((iid, "0.0")) for name, iid in IIDS.items()}


class DCERPCSessionError(DCERPCException):
    """What impacket raises for an HRESULT that is an error; it looks for it in the module of the call."""

    def __init__(self, error_string=None, error_code=None, packet=None):
        DCERPCException.__init__(self, error_string, error_code, packet)


# The object resolver does not listen at port 135 here.
original = transport.DCERPCTransportFactory
dcomrt.transport.DCERPCTransportFactory = lambda binding: original(f"{binding}[{port}]" if binding == f"ncacn_ip_tcp:{host}" else binding)


def kind(number, asked=(), answered=()):
    """Classes of a slot: fields of request and answer as (name, type). Made once, so that making them is no part of a call."""
    request = type(f"Call{number}", (DCOMCALL,), {"opnum": number, "structure": tuple(asked), "__module__": __name__})
    globals()[f"Call{number}Response"] = type(f"Call{number}Response", (DCOMANSWER,), {"structure": tuple(answered) + (("ErrorCode", ULONG),), "__module__": __name__})
    return request


def call(interface, iid, request, **values):
    filled = request()
    for name, value in values.items():
        if name == "criteria":
            filled[name]["asData"] = value
        else:
            filled[name] = value
    return interface.request(filled, iid=IIDS[iid], uuid=interface.get_iPid())


def child(interface, data):
    return INTERFACE(interface.get_cinstance(), b"".join(data), interface.get_ipidRemUnknown(), target=host)


def early():
    pointer = ("retval", PMInterfacePointer)
    session = connection.CoCreateInstanceEx(SESSION, IIDS["IUpdateSession"])
    made = call(session, "IUpdateSession", kind(12, (), [pointer]))
    searcher = IRemUnknown2(child(session, made["retval"]["abData"]))
    found = IRemUnknown2(child(searcher, call(searcher, "IUpdateSearcher", kind(19, [("criteria", BSTR)], [pointer]), criteria="IsInstalled=0")["retval"]["abData"]))
    updates = IRemUnknown2(child(found, call(found, "ISearchResult", kind(9, (), [pointer]))["retval"]["abData"]))
    item = kind(7, [("index", LONG)], [pointer])
    each = [IRemUnknown2(child(updates, call(updates, "IUpdateCollection", item, index=index)["retval"]["abData"])) for index in range(4)]
    title = kind(7, (), [("retval", BSTR)])
    began = time.perf_counter()
    for index in range(calls):
        call(each[index % 4], "IUpdate", title)
    return time.perf_counter() - began


def late():
    def parameters(*arguments):
        made = DISPPARAMS(None, False)
        if not arguments:
            made["rgvarg"] = NULL
        for argument in reversed(arguments):
            made["rgvarg"].append(argument)
        made["rgdispidNamedArgs"] = NULL
        made["cArgs"] = len(arguments)
        made["cNamedArgs"] = 0
        return made

    def variant(tag, field, value):
        made = VARIANT(None, False)
        made["clSize"] = 5
        made["vt"] = tag
        made["_varUnion"]["tag"] = tag
        if field == "bstrVal":
            made["_varUnion"][field]["asData"] = value
        else:
            made["_varUnion"][field] = value
        return made

    def get(dispatch, name, *arguments, flags=DISPATCH_PROPERTYGET):
        answer = dispatch.Invoke(dispatch.GetIDsOfNames([name])[0], 0x409, flags, parameters(*arguments), 0, [], [])
        return IDispatch(child(dispatch, answer["pVarResult"]["_varUnion"]["pdispVal"]["abData"]))

    session = IDispatch(connection.CoCreateInstanceEx(SESSION, IID_IDispatch))
    searcher = get(session, "CreateUpdateSearcher", flags=1)
    found = get(searcher, "Search", variant(VARENUM.VT_BSTR, "bstrVal", "IsInstalled=0"), flags=1)
    updates = get(found, "Updates")
    each = [get(updates, "Item", variant(VARENUM.VT_I4, "lVal", index)) for index in range(4)]
    title = each[0].GetIDsOfNames(["Title"])[0]
    nothing = parameters()
    began = time.perf_counter()
    for index in range(calls):
        each[index % 4].Invoke(title, 0x409, DISPATCH_PROPERTYGET, nothing, 0, [], [])
    return time.perf_counter() - began


connection = dcomrt.DCOMConnection(host, user, password, "", authLevel=LEVELS[level], oxidResolver=False)
try:
    seconds = early() if binding == "early" else late()
    print(json.dumps({"calls": calls, "seconds": seconds}))
finally:
    connection.disconnect()
