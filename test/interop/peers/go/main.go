// An update client on go-msrpc, whose stubs are generated from the IDL of [MS-UAMG]: early bound through a whole session, with
// every property of the objects it meets. Prints what it read as one JSON object. It sends ASCII only: go-msrpc 1.2.16 gives a BSTR
// the length that its text has in UTF-8, so that others end in NULs.
//
// Usage: peer HOST PORT USER PASSWORD LEVEL [plan]   (LEVEL: integrity or privacy; plan: the calls of a plan on standard input instead)
// USER@REALM signs in with Kerberos, by the krb5.conf of KRB5_CONFIG; a PASSWORD of FILE:PATH is then a credential cache.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/oiweiwei/go-msrpc/dcerpc"
	"github.com/oiweiwei/go-msrpc/msrpc/dcom"
	"github.com/oiweiwei/go-msrpc/msrpc/dcom/oaut"
	"github.com/oiweiwei/go-msrpc/msrpc/dcom/uamg/iautomaticupdates2/v0"
	"github.com/oiweiwei/go-msrpc/msrpc/dcom/uamg/istringcollection/v0"
	"github.com/oiweiwei/go-msrpc/msrpc/dcom/uamg/iupdate5/v0"
	"github.com/oiweiwei/go-msrpc/msrpc/dcom/uamg/iupdatesearcher3/v0"
	"github.com/oiweiwei/go-msrpc/msrpc/dcom/uamg/iupdatesession3/v0"
	"github.com/oiweiwei/go-msrpc/msrpc/dcom/uamg/iwindowsdriverupdate5/v0"
	"github.com/oiweiwei/go-msrpc/msrpc/dcom/uamg/iwindowsupdateagentinfo/v0"
	"github.com/oiweiwei/go-msrpc/ssp"
	"github.com/oiweiwei/go-msrpc/ssp/credential"
	"github.com/oiweiwei/go-msrpc/ssp/gssapi"
	"github.com/oiweiwei/gokrb5.fork/v9/credentials"
)

var (
	sessionClass          = class(0x4cb43d7f, 0x7eee, 0x4906, 0x86, 0x98, 0x60, 0xda, 0x1c, 0x38, 0xf2, 0xfe)
	agentInfoClass        = class(0xc2e88c2f, 0x6f5b, 0x4aaa, 0x89, 0x4b, 0x55, 0xc8, 0x47, 0xad, 0x3a, 0x2d)
	automaticUpdatesClass = class(0xbfe18e9c, 0x6d87, 0x4450, 0xb3, 0x7c, 0xe0, 0x2f, 0x0b, 0x37, 0x38, 0x03)
	stringsClass          = class(0x72c97d74, 0x7c3b, 0x40ae, 0xb7, 0x7d, 0xab, 0xdb, 0x22, 0xeb, 0xa6, 0xfb)
)

func main() {
	host, port, user, password, level := os.Args[1], os.Args[2], os.Args[3], os.Args[4], os.Args[5]
	if name, realm, kerberos := strings.Cut(user, "@"); kerberos {
		gssapi.AddCredential(kerberosCredential(name, realm, password))
		gssapi.AddMechanism(ssp.KRB5)
	} else {
		gssapi.AddCredential(credential.NewFromPassword(user, password))
		gssapi.AddMechanism(ssp.NTLM)
	}
	security := []dcerpc.Option{dcerpc.WithSign()}
	if level == "privacy" {
		// Sealed sessions sign in inside SPNEGO, signed ones with the mechanism alone.
		gssapi.AddMechanism(ssp.SPNEGO)
		security = []dcerpc.Option{dcerpc.WithSeal(), dcerpc.WithSecurtyProvider(dcerpc.AuthTypeGSSNegotiate)}
	}
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	defer cancel()
	peer := connect(ctx, host, port, security, sessionClass, iupdatesession3.UpdateSession3IID)
	var told any
	if len(os.Args) > 6 && os.Args[6] == "plan" {
		told = peer.walk()
	} else {
		told = peer.session()
	}
	peer.close()
	if err := json.NewEncoder(os.Stdout).Encode(told); err != nil {
		panic(err)
	}
}

func kerberosCredential(name, realm, password string) credential.Credential {
	if path, cached := strings.CutPrefix(password, "FILE:"); cached {
		return credential.NewFromCCache(name, must(credentials.LoadCCache(path)), credential.Domain(realm))
	}
	return credential.NewFromPassword(name, password, credential.Domain(realm))
}

// session does everything that an early-bound client may; the first call that fails unexpectedly ends the program.
func (p *Peer) session() map[string]any {
	told := map[string]any{}
	session := Object{p, "UpdateSession3", p.first}
	session.do("SetClientApplicationID", Fields{"Value": text("Contoso Patch Auditor")})
	session.do("SetUserLocale", Fields{"LocaleID": uint32(0x411)})
	told["session"] = session.read(0)

	searcher := session.do("CreateUpdateSearcher", nil).query("UpdateSearcher3", iupdatesearcher3.UpdateSearcher3IID)
	searcher.do("SetOnline", Fields{"Value": int16(0)})
	searcher.do("SetServerSelection", Fields{"Value": uint16(2)})
	searcher.do("SetIncludePotentiallySupersededUpdates", Fields{"Value": int16(-1)})
	searcher.do("SetSearchScope", Fields{"Value": uint16(1)})
	told["searcher"] = searcher.read(0)
	told["escaped"] = searcher.get("EscapeString", Fields{"Unescaped": text("it's [here]")})
	told["misspelt"] = searcher.fails("Search", Fields{"Criteria": text("IsInstaled=0")})

	result := searcher.do("Search", Fields{"Criteria": text("IsInstalled=0")})
	told["result"] = result.read(1)
	updates := result.do("GetUpdates", nil)
	count := updates.get("GetCount", nil).(int64)
	told["index"] = updates.fails("GetItem", Fields{"Index": count})
	software, driver := []any{}, []any{}
	for index := int64(0); index < count; index++ {
		update := updates.do("GetItem", Fields{"Index": index})
		if kind := update.get("GetType", nil); kind == int64(1) && len(software) < 3 {
			software = append(software, update.query("Update5", iupdate5.Update5IID).read(2))
		} else if kind == int64(2) && len(driver) < 2 {
			driver = append(driver, update.query("WindowsDriverUpdate5", iwindowsdriverupdate5.WindowsDriverUpdate5IID).read(2))
		}
		update.release()
	}
	told["software"], told["driver"] = software, driver
	told["history"] = searcher.do("QueryHistory", Fields{"StartIndex": int32(1), "Count": int32(3)}).read(2)

	const service = "7971f918-a847-4430-9279-4a52d1efe18d"
	manager := session.do("CreateUpdateServiceManager", nil)
	manager.variantCall(13, text("AllowWarningUI"), truth(false), false)
	told["added"] = manager.do("AddService2", Fields{"ServiceID": text(service), "Flags": int32(7), "AuthorizationCabPath": text("")}).read(1)
	manager.do("RegisterServiceWithAU", Fields{"ServiceID": text(service)})
	told["services"] = manager.read(2)
	manager.do("RemoveService", Fields{"ServiceID": text(service)})
	told["removed"] = manager.fails("RemoveService", Fields{"ServiceID": text(service)})

	info := Object{p, "WindowsUpdateAgentInfo", p.activate(agentInfoClass, iwindowsupdateagentinfo.WindowsUpdateAgentInfoIID)}
	told["product"] = info.variantCall(7, nil, name("ProductVersionString"), true)
	automatic := Object{p, "AutomaticUpdates2", p.activate(automaticUpdatesClass, iautomaticupdates2.AutomaticUpdates2IID)}
	told["automatic"] = automatic.read(1)

	strings := Object{p, "StringCollection", p.activate(stringsClass, istringcollection.StringCollectionIID)}
	for _, word := range []string{"alpha", "", "gamma"} {
		strings.do("Add", Fields{"Value": text(word)})
	}
	strings.do("Insert", Fields{"Index": int32(1), "Value": text("between")})
	strings.do("RemoveAT", Fields{"Index": int32(0)})
	strings.do("SetItem", Fields{"Index": int32(0), "Value": text("put")})
	told["strings"] = strings.do("Copy", nil).read(0)
	told["each"] = strings.each()
	told["types"] = searcher.types()

	p.ping()
	strings.release()
	session.release()
	return told
}

func class(a uint32, b, c uint16, d ...byte) *dcom.ClassID {
	return &dcom.ClassID{Data1: a, Data2: b, Data3: c, Data4: d}
}

func text(value string) *oaut.String { return &oaut.String{Data: value} }

func name(value string) *oaut.Variant {
	return &oaut.Variant{Size: 5, VT: 8, VarUnion: &oaut.Variant_VarUnion{Value: &oaut.Variant_VarUnion_BSTR{BSTR: text(value)}}}
}

func truth(value bool) *oaut.Variant {
	number := int16(0)
	if value {
		number = -1
	}
	return &oaut.Variant{Size: 3, VT: 11, VarUnion: &oaut.Variant_VarUnion{Value: &oaut.Variant_VarUnion_Bool{Bool: number}}}
}

func must[T any](value T, err error) T {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	return value
}
