package main

import (
	"encoding/json"
	"fmt"
	"os"
	"reflect"
	"strconv"
	"strings"

	"github.com/oiweiwei/go-msrpc/dcerpc"
	"github.com/oiweiwei/go-msrpc/midl/uuid"
	"github.com/oiweiwei/go-msrpc/msrpc/dcom"
	"github.com/oiweiwei/go-msrpc/msrpc/dcom/oaut"
	"github.com/oiweiwei/go-msrpc/msrpc/dtyp"
)

// Plan is a way through an agent, read from standard input: what to make, and calls with what they are made on.
type Plan struct {
	Activate map[string]struct{ Clsid, Iid string }
	Steps    []Step
}

// Step is one early-bound call. Interface is named as generated clients are; Kind is propget, propput or method.
type Step struct {
	On, Interface, Iid, Member, Kind, As string
	Opnum                                int
	Args                                 []Argument
}

// Argument is a text, a number, a flag, an object by its name, or a VARIANT of a text or a flag.
type Argument struct {
	Type  string
	Value json.RawMessage
}

// Outcome is what a call came to: an error's text, or a result, plain.
type Outcome struct {
	Error  string `json:"error,omitempty"`
	Result any    `json:"result"`
}

// walk goes through a plan; what every step came to, in order.
func (p *Peer) walk() []Outcome {
	plan := Plan{}
	must(0, json.NewDecoder(os.Stdin).Decode(&plan))
	ipids, results := map[string]*dcom.IPID{}, map[string]any{}
	outcomes := []Outcome{}
	for _, step := range plan.Steps {
		if ipids[step.On] == nil {
			made := plan.Activate[step.On]
			ipids[step.On] = p.activate((*dcom.ClassID)(guid(made.Clsid)), (*dcom.IID)(guid(made.Iid)))
		}
		object := Object{p, step.Interface, ipids[step.On]}.query(step.Interface, (*dcom.IID)(guid(step.Iid)))
		result, err := object.step(step, results)
		if err != nil {
			outcomes = append(outcomes, Outcome{Error: err.Error()})
			continue
		}
		if found := pointer(result); found != nil {
			if step.As != "" {
				ipids[step.As], results[step.As] = found.IPID(), result
			}
			result = map[string]string{"object": reflect.TypeOf(result).Elem().Name()}
		}
		outcomes = append(outcomes, Outcome{Result: told(result)})
	}
	return outcomes
}

func (o Object) step(step Step, results map[string]any) (any, error) {
	for _, argument := range step.Args {
		if argument.Type == "variant" {
			return o.variantStep(step)
		}
	}
	prefix := map[string]string{"propget": "get", "propput": "set", "method": ""}[step.Kind]
	for _, client := range o.clients() {
		for at := 0; at < client.NumMethod(); at++ {
			name := client.Type().Method(at).Name
			if strings.EqualFold(strings.ReplaceAll(name, "_", ""), strings.ReplaceAll(prefix+step.Member, "_", "")) {
				return o.position(client.Method(at), step.Args, results)
			}
		}
	}
	return nil, fmt.Errorf("%s has no %s", step.Interface, step.Member)
}

// position calls a generated method with arguments by their places.
func (o Object) position(method reflect.Value, args []Argument, results map[string]any) (any, error) {
	request := reflect.New(method.Type().In(1).Elem())
	request.Elem().FieldByName("This").Set(reflect.ValueOf(o.peer.this))
	next := 0
	for at := 0; at < request.Elem().NumField() && next < len(args); at++ {
		if request.Elem().Type().Field(at).Name == "This" {
			continue
		}
		slot := request.Elem().Field(at)
		slot.Set(reflect.ValueOf(args[next].plain(results)).Convert(slot.Type()))
		next++
	}
	answer := method.Call([]reflect.Value{reflect.ValueOf(o.peer.ctx), request, reflect.ValueOf(dcerpc.CallOption(dcom.WithIPID(o.ipid)))})
	if !answer[1].IsNil() {
		return nil, answer[1].Interface().(error)
	}
	for _, name := range []string{"ReturnValue", "Service"} {
		if result := answer[0].Elem().FieldByName(name); result.IsValid() {
			return result.Interface(), nil
		}
	}
	return nil, nil
}

// variantStep calls a member whose last argument is a VARIANT.
func (o Object) variantStep(step Step) (any, error) {
	var label *oaut.String
	if len(step.Args) > 1 {
		label = text(step.Args[0].plain(nil).(*oaut.String).Data)
	}
	held := struct {
		Vt    string
		Value json.RawMessage
	}{}
	must(0, json.Unmarshal(step.Args[len(step.Args)-1].Value, &held))
	made := &operation{number: step.Opnum, this: o.peer.this, text: label, returns: step.Kind == "method" && label == nil}
	if held.Vt == "VT_BOOL" {
		made.variant = truth(string(held.Value) == "true")
	} else {
		word := ""
		must(0, json.Unmarshal(held.Value, &word))
		made.variant = name(word)
	}
	conn := o.clients()[0].MethodByName("Conn").Call(nil)[0].Interface().(dcerpc.Conn)
	if err := conn.Invoke(o.peer.ctx, made, dcom.WithIPID(o.ipid)); err != nil {
		return nil, err
	}
	if made.status != 0 {
		return nil, fmt.Errorf("0x%08x", uint32(made.status))
	}
	return made.result, nil
}

func (a Argument) plain(results map[string]any) any {
	switch a.Type {
	case "text":
		word := ""
		must(0, json.Unmarshal(a.Value, &word))
		return text(word)
	case "flag":
		if string(a.Value) == "true" {
			return int16(-1)
		}
		return int16(0)
	case "object":
		named := ""
		must(0, json.Unmarshal(a.Value, &named))
		return results[named]
	}
	return must(strconv.ParseInt(string(a.Value), 10, 64))
}

// told is a result as JSON has it: a VARIANT with its type, a size in digits.
func told(result any) any {
	switch held := result.(type) {
	case *oaut.Decimal:
		return strconv.FormatUint(held.Lo64, 10)
	case *oaut.Variant:
		if held == nil {
			return nil
		}
		if held.VT == 0x2011 {
			array := held.VarUnion.GetValue().(*oaut.SafeArray)
			return map[string]any{"vt": held.VT, "value": fmt.Sprint(array.ArrayStructs.GetValue().(*oaut.ByteSizedArray).Data)}
		}
		return map[string]any{"vt": held.VT, "value": plain(held)}
	}
	return plain(result)
}

func guid(value string) *dtyp.GUID { return dtyp.GUIDFromUUID(must(uuid.Parse(value))) }
