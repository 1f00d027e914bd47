"""Builds and reads MS-UAMG stubs with scapy and its generated modules: jobs as JSON lines on stdin, answers on stdout.

A job: {"uuid", "opnum", "side": "request"|"response", "ndr64", "big", "values": {name: {"t", "v"}}, "stub": hex or null}
The answer: {"built": hex of the same values, "read": the values scapy sees in "stub", or null without one} or {"error"}.
Stubs are those behind ORPCTHIS or ORPCTHAT.
"""
import json
import sys
import uuid

from msrpcs import ms_uamg as u
from scapy.layers.dcerpc import COM_INTERFACES, NDRFullPointerField, NDRPacketField, NDRPointer, NDRUnion

# [MS-OAUT] 2.2.29.2 switches the union of a VARIANT on a ULONG; the generated module writes the tag in two bytes.
for field in u.wireVARIANTStr.fields_desc:
    if field.name == "_varUnion":
        field.switch_fmt = ("I", "I")


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
    if kind == "variant":
        return u.wireVARIANTStr(clSize=5, vt=v[0], _varUnion=NDRUnion(tag=v[0], value=v[1]))
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
    if kind == "variant":
        return [value.vt, value._varUnion.value]
    return value


def corrected(cls, side):
    """The generated module as the wire has it, in two respects.

    An `[out] BSTR*` has two pointers in it. The outer one is a top-level parameter, hence a reference pointer with no bytes of
    its own ([C706] 4.2.20, 14.3.12.1), as every `[out] BSTR*` of ITypeInfo shows on real wires.
    An `[in] IUpdate*` is a reference pointer in it. An interface pointer is a unique pointer wherever it stands ([MS-DCOM] 2.2.14).
    """
    fixed = []
    for field in cls.fields_desc:
        inner = getattr(field, "fld", None)
        if isinstance(field, NDRFullPointerField) and isinstance(inner, NDRFullPointerField):
            field = inner
        elif side == "request" and isinstance(field, NDRPacketField) and field.cls is u.MInterfacePointer:
            field = NDRFullPointerField(field)
        fixed.append(field)
    if fixed == list(cls.fields_desc):
        return cls
    return type(cls.__name__ + "Fixed", (cls,), {"fields_desc": fixed, "__module__": __name__})


def answer(job):
    face = COM_INTERFACES[uuid.UUID(job["uuid"])]
    op = face.opnums[job["opnum"]]
    side = job["side"]
    cls = getattr(op, side, None) or op[0 if side == "request" else 1]
    if cls not in CORRECTED:
        CORRECTED[cls] = corrected(cls, side)
    cls = CORRECTED[cls]
    how = {"ndr64": job["ndr64"], "ndrendian": "big" if job["big"] else "little"}
    values = job["values"]
    pkt = cls(**how, **{name: built(values[name]) for name in values})
    seen = cls(bytes.fromhex(job["stub"]), **how) if job["stub"] is not None else None
    return {
        "name": face.name,
        "built": bytes(pkt).hex(),
        "read": seen and {name: plain(getattr(seen, name), values[name]["t"]) for name in values},
    }


CORRECTED = {}

for line in sys.stdin:
    try:
        print(json.dumps(answer(json.loads(line))))
    except Exception as error:  # the test reports it beside its job
        print(json.dumps({"error": f"{type(error).__name__}: {error}"}))
