// Verdicts of GitOps tools about objects: kstatus, as Flux, Helm and kpt take it, and Argo CD's, by a health check in Lua.
//
//	verdicts [-lua health.lua] <objects.jsonl
//
// It prints one line of JSON for each line of input.
package main

import (
	"bufio"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"time"

	"github.com/fluxcd/cli-utils/pkg/kstatus/status"
	lua "github.com/yuin/gopher-lua"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

type verdict struct {
	Kstatus string  `json:"kstatus"`
	Message string  `json:"message"`
	Argo    *health `json:"argo,omitempty"`
}

type health struct {
	Status  string `json:"status"`
	Message string `json:"message"`
}

func main() {
	script := flag.String("lua", "", "health check for Argo CD")
	flag.Parse()
	if err := run(*script); err != nil {
		fmt.Fprintln(os.Stderr, "verdicts:", err)
		os.Exit(1)
	}
}

func run(script string) error {
	var check string
	if script != "" {
		text, err := os.ReadFile(script)
		if err != nil {
			return err
		}
		check = string(text)
	}
	in, out := bufio.NewScanner(os.Stdin), json.NewEncoder(os.Stdout)
	in.Buffer(nil, 4<<20)
	for in.Scan() {
		v, err := judge(in.Bytes(), check)
		if err != nil {
			return err
		}
		if err := out.Encode(v); err != nil {
			return err
		}
	}
	return in.Err()
}

func judge(object []byte, check string) (*verdict, error) {
	u := &unstructured.Unstructured{}
	if err := u.UnmarshalJSON(object); err != nil {
		return nil, err
	}
	result, err := status.Compute(u)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", u.GetName(), err)
	}
	v := &verdict{Kstatus: result.Status.String(), Message: result.Message}
	if check != "" {
		if v.Argo, err = argo(u, check); err != nil {
			return nil, fmt.Errorf("%s: %w", u.GetName(), err)
		}
	}
	return v, nil
}

// argo runs a health check as Argo CD does: in gopher-lua, with the base, table and string libraries, for a second.
func argo(u *unstructured.Unstructured, check string) (*health, error) {
	state := lua.NewState(lua.Options{SkipOpenLibs: true})
	defer state.Close()
	for name, open := range map[string]lua.LGFunction{
		lua.LoadLibName:   lua.OpenPackage,
		lua.BaseLibName:   lua.OpenBase,
		lua.TabLibName:    lua.OpenTable,
		lua.StringLibName: lua.OpenString,
	} {
		if err := state.CallByParam(lua.P{Fn: state.NewFunction(open), Protect: true}, lua.LString(name)); err != nil {
			return nil, err
		}
	}
	begun := time.Now()
	state.SetGlobal("obj", value(state, u.Object))
	if err := state.DoString(check); err != nil {
		return nil, err
	}
	if took := time.Since(begun); took > time.Second {
		return nil, fmt.Errorf("the check took %s", took)
	}
	table, ok := state.Get(-1).(*lua.LTable)
	if !ok {
		return nil, fmt.Errorf("the check returns %s", state.Get(-1).Type())
	}
	return &health{
		Status:  lua.LVAsString(table.RawGetString("status")),
		Message: lua.LVAsString(table.RawGetString("message")),
	}, nil
}

func value(state *lua.LState, v any) lua.LValue {
	switch v := v.(type) {
	case bool:
		return lua.LBool(v)
	case string:
		return lua.LString(v)
	case int64:
		return lua.LNumber(v)
	case float64:
		return lua.LNumber(v)
	case []any:
		table := state.CreateTable(len(v), 0)
		for _, item := range v {
			table.Append(value(state, item))
		}
		return table
	case map[string]any:
		table := state.CreateTable(0, len(v))
		for key, item := range v {
			table.RawSetString(key, value(state, item))
		}
		return table
	default:
		return lua.LNil
	}
}
