"""Builds and reads MS-UAMG stubs with scapy and its generated modules: jobs as JSON lines on stdin, answers on stdout.

A job: {"uuid", "opnum", "side": "request"|"response", "ndr64", "values": {name: {"t", "v"}}, "stub": hex}
The answer: {"built": hex of the same values, "read": the values scapy sees in "stub"} or {"error"}.
Stubs are those behind ORPCTHIS or ORPCTHAT.
"""
import json
import sys
import uuid

from msrpcs import ms_uamg as u
from scapy.layers.dcerpc import COM_INTERFACES, NDRFullPointerField, NDRPointer


def built(value):
    kind, v = value["t"], value["v"]
    if kind == "bstr":
        if v is None:
            return u.FLAGGED_WORD_BLOB(max_count=0, cBytes=0xFFFFFFFF, clSize=0, asData=b"")
        units = len(v) // 4
        # scapy counts the bytes of the array where its elements are words, so the counts are given.
        return u.FLAGGED_WORD_BLOB(max_count=units, cBytes=units * 2, clSize=units, asData=bytes.fromhex(v))
    if kind == "pointer":
        return None if v is None else u.MInterfacePointer(abData=bytes.fromhex(v))
    if kind == "decimal":
        return u.DECIMAL(wReserved=0, scale=v[0], sign=v[1] - 256 if v[1] > 127 else v[1], Hi32=v[2], Lo64=int(v[3]))
    return v


def plain(value, kind):
    while isinstance(value, NDRPointer):
        value = value.value
    if value is None:
        return None
    if kind == "bstr":
        if value.cBytes == 0xFFFFFFFF:
            return None
        data = value.asData
        data = getattr(data, "value", data)
        data = data[0] if isinstance(data, list) else data
        if isinstance(data, str):
            data = data.encode("utf-16-le", "surrogatepass")
        return data.hex()
    if kind == "pointer":
        data = value.abData
        data = getattr(data, "value", data)
        return (data[0] if isinstance(data, list) else data).hex()
    if kind == "decimal":
        return [value.scale, value.sign & 0xFF, value.Hi32, str(value.Lo64)]
    return value


def without_reference_pointers(cls):
    """The generated modules give an `[out] BSTR*` two pointers. The outer one is a top-level parameter, hence a reference
    pointer with no bytes of its own ([C706] 4.2.20, 14.3.12.1), as every `[out] BSTR*` of ITypeInfo shows on real wires."""
    fixed = []
    for field in cls.fields_desc:
        inner = getattr(field, "fld", None)
        if isinstance(field, NDRFullPointerField) and isinstance(inner, NDRFullPointerField):
            field = inner
        fixed.append(field)
    if fixed == list(cls.fields_desc):
        return cls
    return type(cls.__name__ + "Fixed", (cls,), {"fields_desc": fixed, "__module__": __name__})


def answer(job):
    face = COM_INTERFACES[uuid.UUID(job["uuid"])]
    op = face.opnums[job["opnum"]]
    cls = getattr(op, job["side"], None) or op[0 if job["side"] == "request" else 1]
    cls = FIXED.setdefault(cls, without_reference_pointers(cls))
    names = [name for name in job["values"]]
    pkt = cls(ndr64=job["ndr64"], **{name: built(job["values"][name]) for name in names})
    seen = cls(bytes.fromhex(job["stub"]), ndr64=job["ndr64"])
    return {
        "name": face.name,
        "built": bytes(pkt).hex(),
        "read": {name: plain(getattr(seen, name), job["values"][name]["t"]) for name in names},
    }


FIXED = {}

for line in sys.stdin:
    try:
        print(json.dumps(answer(json.loads(line))))
    except Exception as error:  # the test reports it beside its job
        print(json.dumps({"error": f"{type(error).__name__}: {error}"}))
