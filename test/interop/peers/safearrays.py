"""Builds and reads VARIANTs that hold a SAFEARRAY with impacket's NDR engine: jobs as JSON lines on stdin, answers on stdout.

impacket declares the array types without the pointers of [MS-OAUT] 2.2.30 (pData, aVariant) and of 2.2.6 (a VARIANT holds a PSAFEARRAY,
which points to a SAFEARRAY, which is a pointer). They are declared anew here, as the specification has them; what encodes and decodes
them is impacket.

A job: {"vt": element type, "sf", "arm", "values", "bounds": [[count, lower], ...] last dimension first, "features", "size", "locks",
"stub": hex of ours}; the answer: {"built": hex, "read": {...}} or {"error"}.
"""
import json
import sys

from impacket.dcerpc.v5.dcom import oaut
from impacket.dcerpc.v5.dtypes import ULONG, USHORT
from impacket.dcerpc.v5.ndr import NDRCALL, NDRPOINTER, NDRSTRUCT, NDRUNION, NDRUniConformantArray

VT_ARRAY = 0x2000


def pointer_to(target):
    return type("P" + target.__name__, (NDRPOINTER,), {"referent": (("Data", target),)})


def array_of(name, item):
    return type(name, (NDRUniConformantArray,), {"item": item})


def sized(name, count, member, array):
    return type(name, (NDRSTRUCT,), {"structure": ((count, ULONG), (member, pointer_to(array)))})


class VARIANT_ARRAY(NDRUniConformantArray):
    item = oaut.VARIANT


class SAFEARRAYUNION(NDRUNION):
    commonHdr = (("tag", ULONG),)
    union = {
        0x8: ("BstrStr", sized("SAFEARR_BSTR", "Size", "aBstr", oaut.BSTR_ARRAY)),
        0xC: ("VariantStr", sized("SAFEARR_VARIANT", "Size", "aVariant", VARIANT_ARRAY)),
        0x10: ("ByteStr", sized("BYTE_SIZEDARR", "clSize", "pData", array_of("BYTES", "B"))),
        0x2: ("WordStr", sized("WORD_SIZEDARR", "clSize", "pData", array_of("WORDS", "<H"))),
        0x3: ("LongStr", sized("DWORD_SIZEDARR", "clSize", "pData", array_of("DWORDS", "<L"))),
        0x14: ("HyperStr", sized("HYPER_SIZEDARR", "clSize", "pData", array_of("HYPERS", "<Q"))),
    }


class SAFEARRAY(NDRSTRUCT):
    structure = (
        ("cDims", USHORT), ("fFeatures", USHORT), ("cbElements", ULONG), ("cLocks", ULONG), ("uArrayStructs", SAFEARRAYUNION), ("rgsabound", oaut.SAFEARRAYBOUND_ARRAY),
    )


class ArrayOrValue(NDRUNION):
    commonHdr = (("tag", ULONG),)
    union = {VT_ARRAY: ("parray", pointer_to(pointer_to(SAFEARRAY)))}


class WireVariant(NDRSTRUCT):
    structure = (
        ("clSize", ULONG), ("rpcReserved", ULONG), ("vt", USHORT), ("wReserved1", USHORT), ("wReserved2", USHORT), ("wReserved3", USHORT), ("_varUnion", ArrayOrValue),
    )

    def getAlignment(self):
        return 8


class Call(NDRCALL):
    structure = (("v", pointer_to(WireVariant)),)


MEMBERS = {"BstrStr": ("Size", "aBstr"), "VariantStr": ("Size", "aVariant")}


def element(arm, value):
    if arm == "BstrStr":
        bstr = oaut.BSTR()
        bstr["asData"] = value
        return bstr
    if arm == "VariantStr":
        variant = oaut.VARIANT()
        variant["clSize"] = 3
        variant["vt"] = 3
        variant["_varUnion"]["tag"] = 3
        variant["_varUnion"]["lVal"] = value
        return variant
    return value


def shown(arm, item):
    if arm == "BstrStr":
        return item["asData"]
    return item["_varUnion"]["lVal"] if arm == "VariantStr" else item


def build(job):
    call = Call()
    variant = call["v"]
    variant["clSize"] = 5
    variant["vt"] = VT_ARRAY | job["vt"]
    variant["_varUnion"]["tag"] = VT_ARRAY
    array = variant["_varUnion"]["parray"]
    array["cDims"], array["fFeatures"], array["cbElements"], array["cLocks"] = len(job["bounds"]), job["features"], job["size"], job["locks"]
    array["uArrayStructs"]["tag"] = job["sf"]
    count, member = MEMBERS.get(job["arm"], ("clSize", "pData"))
    content = array["uArrayStructs"][job["arm"]]
    content[count] = len(job["values"])
    content[member] = [element(job["arm"], int(value) if isinstance(value, str) and job["arm"] != "BstrStr" else value) for value in job["values"]]
    for elements, lower in job["bounds"]:
        bound = oaut.SAFEARRAYBOUND()
        bound["cElements"], bound["lLbound"] = elements, lower
        array["rgsabound"].append(bound)
    return call.getData().hex()


def read(job):
    variant = Call(bytes.fromhex(job["stub"]))["v"]
    array = variant["_varUnion"]["parray"]
    _, member = MEMBERS.get(job["arm"], ("clSize", "pData"))
    items = array["uArrayStructs"][job["arm"]][member]
    return {
        "vt": variant["vt"], "values": [str(shown(job["arm"], item)) for item in items], "bounds": [[bound["cElements"], bound["lLbound"]] for bound in array["rgsabound"]],
        "features": array["fFeatures"], "size": array["cbElements"], "locks": array["cLocks"], "sf": array["uArrayStructs"]["tag"],
    }


for line in sys.stdin:
    job = json.loads(line)
    try:
        print(json.dumps({"built": build(job), "read": read(job)}))
    except Exception as error:  # the test reports it beside its job
        print(json.dumps({"error": f"{type(error).__name__}: {error}"}))
