package policy

import (
	"fmt"
	"reflect"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// keySpecs are policies whose answers differ in every way that a key has to tell apart.
func keySpecs() map[string]Spec {
	base := Spec{
		Origins: []string{page, "https://*.a.example"}, Methods: []string{"PUT"}, RequestHeaders: []string{"x-a"}, ExposeHeaders: []string{"x-id"},
		Credentials: true, TimingAllowOrigin: true, PrivateNetworkAccess: true, BlockDenied: true, EnforceWebSockets: true,
		Preflight: PreflightSpec{ExposeHeaders: true},
	}
	debug, minimal, echo, echoHeaders, all, open, fill := base, base, base, base, base, base, base
	debug.Preflight.DebugUntil = moment
	minimal.Preflight.Minimal = true
	echo.Methods = []string{"*"}
	echoHeaders.RequestHeaders = []string{"*"}
	all.ExposeHeaders = []string{"*"}
	open.Origins, open.Credentials = []string{"*"}, false
	fill.UpstreamHeaders = Fill
	return map[string]Spec{
		"base": base, "debug": debug, "minimal": minimal, "echo": echo, "echo headers": echoHeaders,
		"all": all, "open": open, "fill": fill,
	}
}

// keyRequests are requests of every kind with what answers may depend on.
func keyRequests() []Request {
	var all []Request
	for _, o := range []string{"", page, "https://b.a.example", stranger, "https://api.acme.example", "null", "x"} {
		for _, method := range []string{"GET", "POST", "OPTIONS", "TRACE"} {
			for _, asked := range []string{"", "PUT", "GET", "DELETE"} {
				for _, names := range []string{"", "x-a", "X-A", "x-b", "x y"} {
					for i := range 8 {
						r := Request{Method: method, Origin: o, RequestMethod: asked, RequestHeaders: names, Authority: "api.acme.example"}
						r.WebSocket = i&1 != 0
						if i&2 != 0 {
							r.PrivateNetwork, r.Scheme = "true", "https"
						}
						if i&4 != 0 {
							r.Now = moment.Unix()
						}
						all = append(all, r)
					}
				}
			}
		}
	}
	return all
}

// keyUpstreams are responses whose edits are compared; names only where they are said not to matter.
func keyUpstreams(d *Decision) [3]Upstream {
	ups := [3]Upstream{{}, {Vary: "accept", HasCORS: true, AllowOrigin: "*"}, {HasCORS: true, AllowCredentials: "true", ExposeHeaders: "x-b"}}
	if !d.WantsNames() {
		ups[1].Names = []string{"x-" + d.origin}
	}
	return ups
}

// What is stored under a key has to serve every later decision with that key.
func TestKeyCoversTheBytes(t *testing.T) {
	type bytes struct {
		Status int
		Reply  []Header
		Grants []Header
		Edits  [3]Edits
	}
	for name, spec := range keySpecs() {
		t.Run(name, func(t *testing.T) {
			p := mustCompile(t, spec)
			seen := map[Key]bytes{}
			for _, r := range keyRequests() {
				for _, shadow := range []bool{false, true} {
					d := p.Decide(&r)
					if shadow {
						d = d.Shadow()
					}
					k := d.Key()
					var b bytes
					b.Status, b.Reply = d.AppendReply(nil)
					b.Grants = d.AppendGrants(nil)
					for i, up := range keyUpstreams(&d) {
						d.AppendEdits(&b.Edits[i], &up)
					}
					if old, found := seen[k]; found && !reflect.DeepEqual(old, b) {
						t.Fatalf("%+v\nof %+v:\n%s", k, r, cmp.Diff(old, b))
					}
					seen[k] = b
				}
			}
			if len(seen) < 10 {
				t.Errorf("only %d keys", len(seen))
			}
		})
	}
}

// Requested methods and headers make keys only where they are echoed.
func TestKeysOfEchoes(t *testing.T) {
	specs := keySpecs()
	pre, actual := preflightFrom(page), actualFrom(page)
	pre.RequestHeaders = "x-a"
	bad := pre
	bad.RequestHeaders = "x-b"
	for _, c := range []struct {
		spec            string
		req             Request
		method, headers string
		names           bool
	}{
		{"base", pre, "", "", false},
		{"base", actual, "", "", false},
		{"debug", bad, "", "", false},
		{"minimal", actual, "", "", false},
		{"minimal", pre, pre.RequestMethod, "x-a", false},
		{"echo", pre, pre.RequestMethod, "", false},
		{"echo headers", pre, "", "x-a", false},
		{"all", actual, "", "", true},
		{"all", pre, "", "", false},
	} {
		t.Run(fmt.Sprint(c.spec, " ", c.req.Method), func(t *testing.T) {
			d := mustCompile(t, specs[c.spec]).Decide(&c.req)
			if k := d.Key(); k.Method != c.method || k.Headers != c.headers || d.WantsNames() != c.names {
				t.Errorf("%+v, wants names: %t", k, d.WantsNames())
			}
		})
	}
}

// Attacker-chosen origins must not make keys (rule 29).
func TestKeysDoNotGrowWithOrigins(t *testing.T) {
	p := mustCompile(t, keySpecs()["open"])
	q := mustCompile(t, keySpecs()["base"])
	keys := map[Key]bool{}
	for i := range 100 {
		for _, r := range []Request{actualFrom(fmt.Sprintf("https://x%d.example", i)), preflightFrom(fmt.Sprintf("https://x%d.example", i))} {
			d, e := p.Decide(&r), q.Decide(&r)
			keys[d.Key()], keys[e.Key()] = true, true
		}
	}
	if len(keys) != 4 {
		t.Errorf("%d keys", len(keys))
	}
}

// TestLeavesResponses: it says so exactly where no response has an edit.
func TestLeavesResponses(t *testing.T) {
	leaves, edits := 0, 0
	check := func(d Decision) {
		touched := false
		for _, up := range []Upstream{
			{}, {AllowOrigin: "*", AllowCredentials: "true", ExposeHeaders: "*", HasCORS: true}, {HasCORS: true, Others: []string{"access-control-new"}},
		} {
			var e Edits
			d.AppendEdits(&e, &up)
			touched = touched || len(e.Remove)+len(e.Set) > 0
		}
		if d.LeavesResponses() == touched {
			t.Fatalf("%+v: leaves responses %t, edits them %t", d, d.LeavesResponses(), touched)
		}
		if touched {
			edits++
		} else {
			leaves++
		}
	}
	specs := keySpecs()
	passthru := specs["base"]
	passthru.UpstreamHeaders = Passthru
	specs["passthru"] = passthru
	for name, spec := range specs {
		p, err := Compile(spec)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for _, r := range keyRequests() {
			d := p.Decide(&r)
			check(d)
			check(d.Shadow())
			check(DecideOff(&r))
			check(DecideError(&r, Panic))
			check(DecideAmbiguous(&r))
			for u := UnknownRefuse; u <= UnknownForward; u++ {
				check(DecideUnknown(&r, u))
			}
		}
	}
	check(DecideUnseen())
	if leaves == 0 || edits == 0 {
		t.Errorf("%d leave responses alone, %d edit them: this shows nothing", leaves, edits)
	}
}

// TestKeyTellsPoliciesApart: two policies that say the same share no key, so that a reply kept for one is never another's.
func TestKeyTellsPoliciesApart(t *testing.T) {
	r := Request{Method: "GET", Origin: page, Authority: "api.acme.example"}
	keys := map[Key]bool{}
	for range 3 {
		p, err := Compile(keySpecs()["base"])
		if err != nil {
			t.Fatal(err)
		}
		for range 2 {
			d := p.Decide(&r)
			keys[d.Key()] = true
		}
	}
	if len(keys) != 3 {
		t.Errorf("%d keys of 3 policies", len(keys))
	}
}
