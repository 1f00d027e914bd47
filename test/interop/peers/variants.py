"""Builds and reads VARIANTs with impacket: jobs as JSON lines on stdin, answers on stdout.

A job: {"vt": name, "value": number or UTF-16 text, "stub": hex of ours}; the answer: {"built": hex, "read": value} or {"error"}.
"""
import json
import sys

from impacket.dcerpc.v5.dcom import oaut
from impacket.dcerpc.v5.ndr import NDRCALL

ARMS = {
    "VT_I1": "cVal", "VT_UI1": "bVal", "VT_I2": "iVal", "VT_UI2": "uiVal", "VT_I4": "lVal", "VT_UI4": "ulVal", "VT_I8": "llVal", "VT_UI8": "ullVal",
    "VT_INT": "intVal", "VT_UINT": "uintVal", "VT_R4": "fltVal", "VT_R8": "dblVal", "VT_DATE": "date", "VT_BOOL": "boolVal", "VT_ERROR": "scode", "VT_BSTR": "bstrVal",
}


class Call(NDRCALL):
    structure = (("v", oaut.VARIANT),)


def answer(job):
    vt, arm = int(getattr(oaut.VARENUM, job["vt"])), ARMS[job["vt"]]
    call = Call()
    variant = call["v"]
    variant["clSize"] = 5
    variant["vt"] = vt
    variant["_varUnion"]["tag"] = vt
    if arm == "bstrVal":
        variant["_varUnion"][arm]["asData"] = job["value"]
    else:
        variant["_varUnion"][arm] = job["value"]
    seen = Call(bytes.fromhex(job["stub"]))["v"]["_varUnion"][arm]
    return {"built": call.getData().hex(), "read": seen["asData"] if arm == "bstrVal" else seen}


for line in sys.stdin:
    try:
        print(json.dumps(answer(json.loads(line))))
    except Exception as error:  # the test reports it beside its job
        print(json.dumps({"error": f"{type(error).__name__}: {error}"}))
