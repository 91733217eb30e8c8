package server

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	extprocv3 "github.com/envoyproxy/go-control-plane/envoy/service/ext_proc/v3"
	"google.golang.org/protobuf/proto"

	"github.com/corsgate/corsgate/policy"
	"github.com/corsgate/corsgate/tenant"
)

func compile(t testing.TB, spec policy.Spec) *policy.Policy {
	t.Helper()
	p, err := policy.Compile(spec)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// variety is requests of every kind and fate.
func variety() []policy.Request {
	var list []policy.Request
	for _, origin := range []string{"", "https://a.example", "https://b.a.example", "https://evil.example", "null", "x y"} {
		for _, method := range []string{"GET", "POST", "OPTIONS", "TRACE"} {
			for _, asked := range []string{"", "PUT", "DELETE"} {
				for _, headers := range []string{"", "x-a", "x-b,x-a"} {
					list = append(list, policy.Request{
						Method: method, Scheme: "https", Authority: "api.example", Origin: origin,
						RequestMethod: asked, RequestHeaders: headers, PrivateNetwork: "true",
						WebSocket: method == "GET" && headers != "",
					})
				}
			}
		}
	}
	return list
}

// TestMemo: a reply from memory is byte for byte the reply that is built anew, whatever
// came before, for policies that echo and for those that do not.
func TestMemo(t *testing.T) {
	t.Parallel()
	specs := map[string]policy.Spec{
		"plain":    {Origins: []string{"https://a.example", "https://*.a.example"}, Methods: []string{"PUT"}, RequestHeaders: []string{"x-a"}, TimingAllowOrigin: true},
		"public":   {Origins: []string{"*"}, Methods: []string{"*"}, RequestHeaders: []string{"*"}, ExposeHeaders: []string{"*"}},
		"echoing":  {Origins: []string{"https://*.a.example"}, Methods: []string{"*"}, RequestHeaders: []string{"*"}, ExposeHeaders: []string{"*"}, Credentials: true, PrivateNetworkAccess: true},
		"minimal":  {Origins: []string{"https://a.example"}, Methods: []string{"PUT"}, RequestHeaders: []string{"x-a", "x-b"}, Preflight: policy.PreflightSpec{Minimal: true}},
		"blocking": {Origins: []string{"https://a.example"}, BlockDenied: true, EnforceWebSockets: true, UpstreamHeaders: policy.Fill},
		"silent":   {Origins: []string{"https://a.example"}, UpstreamHeaders: policy.Passthru},
	}
	for name, spec := range specs {
		for _, shadow := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s shadow=%v", name, shadow), func(t *testing.T) {
				t.Parallel()
				p := compile(t, spec)
				memo := newMemo()
				hits := 0
				for range 2 {
					for _, r := range variety() {
						d := p.Decide(&r)
						if shadow {
							d = d.Shadow()
						}
						hits += compareReplies(t, &d, &memo)
					}
				}
				if hits == 0 {
					t.Error("nothing ever came from memory")
				}
			})
		}
	}
}

// compareReplies compares each reply of d with a fresh one and returns how many came
// from memory.
func compareReplies(t *testing.T, d *policy.Decision, memory *memo) (hits int) {
	t.Helper()
	ups := []upstream{
		{},
		{Upstream: policy.Upstream{Names: []string{"x-one", "etag"}}},
		{varyLost: true},
		{Upstream: policy.Upstream{Vary: "accept"}},
		{Upstream: policy.Upstream{AllowOrigin: "*", HasCORS: true}},
	}
	remembering := exchange{state: state{memo: memory, subject: subject{tenant: "acme"}, result: tenant.Result{Decision: *d}}}
	fresh := exchange{state: state{subject: subject{tenant: "acme"}, result: tenant.Result{Decision: *d}}}
	same := func(ask func(x *exchange) *reply) {
		first, second, want := ask(&remembering), ask(&remembering), ask(&fresh)
		if first == second {
			hits++
		}
		for _, got := range []*reply{first, second} {
			if !bytes.Equal(got.wire.Materialize(), want.wire.Materialize()) || got.last != want.last ||
				got.answered != want.answered || got.conflict != want.conflict {
				t.Errorf("%v %v: from memory %q, anew %q", d.Kind, d.Reason, got.wire.Materialize(), want.wire.Materialize())
			}
		}
	}
	same(func(x *exchange) *reply { return x.requestReply(RequestPhase) })
	for _, up := range ups {
		for _, only := range []bool{false, true} {
			same(func(x *exchange) *reply { return x.responseReply(&up, only) })
		}
	}
	return hits
}

// TestMemoTellsTenantsApart: even with one table for two tenants (T26).
func TestMemoTellsTenantsApart(t *testing.T) {
	t.Parallel()
	p := compile(t, policy.Spec{Origins: []string{"https://a.example"}})
	memory := newMemo()
	d := p.Decide(&policy.Request{Method: "GET", Origin: "https://a.example"})
	for _, id := range []string{"one", "two", "one"} {
		x := exchange{state: state{memo: &memory, subject: subject{tenant: id}, result: tenant.Result{Decision: d}}}
		if got := x.requestReply(RequestPhase).wire.Materialize(); !bytes.Contains(got, []byte(id)) {
			t.Errorf("reply for %s: %q", id, got)
		}
	}
}

// TestMemoIsBounded: large replies are not kept, and strangers who vary the Origin only displace others.
func TestMemoIsBounded(t *testing.T) {
	t.Parallel()
	memory := newMemo()
	ask := func(p *policy.Policy, origin string) *reply {
		d := p.Decide(&policy.Request{Method: "GET", Origin: origin})
		x := exchange{state: state{memo: &memory, subject: subject{tenant: "acme"}, result: tenant.Result{Decision: d}}}
		return x.requestReply(RequestPhase)
	}
	used := func() (n int) {
		for i := range memory.slots {
			if memory.slots[i].Load() != nil {
				n++
			}
		}
		return n
	}
	var names []string
	for i := range 150 {
		names = append(names, fmt.Sprintf("x-%s-%d", strings.Repeat("n", 30), i))
	}
	large := compile(t, policy.Spec{Origins: []string{"https://a.example"}, ExposeHeaders: names})
	if n := ask(large, "https://a.example").wire.Len(); n <= memoReplyBytes {
		t.Fatalf("the reply has %d bytes only, so this shows nothing", n)
	}
	if used() > 0 {
		t.Error("a large reply is kept")
	}
	p := compile(t, policy.Spec{Origins: []string{"https://*.a.example"}})
	for i := range 4 * memoSlots {
		ask(p, fmt.Sprintf("https://h%d.a.example", i))
	}
	if n := used(); n < memoSlots/2 || len(memory.slots) != memoSlots {
		t.Errorf("only %d of %d slots are used", n, memoSlots)
	}
}

// TestBadValueClosesTheAnswer is row R37 of the fault matrix: a value that must not be sent
// takes the whole grant with it, in every phase.
func TestBadValueClosesTheAnswer(t *testing.T) {
	t.Parallel()
	p := compile(t, policy.Spec{Origins: []string{"https://a.example"}})
	preflight := policy.Request{Method: "OPTIONS", Origin: "https://a.example", RequestMethod: "GET"}
	actual := policy.Request{Method: "GET", Origin: "https://a.example"}
	for _, bad := range []string{"a\r\nset-cookie: x", "A", "a b", "-a", strings.Repeat("a", 64)} {
		for _, r := range []policy.Request{preflight, actual} {
			x := exchange{state: state{subject: subject{tenant: bad}, result: tenant.Result{Decision: p.Decide(&r)}}}
			replies := []*reply{x.requestReply(RequestPhase)}
			if !replies[0].answered {
				y := exchange{state: state{subject: subject{tenant: bad}, result: tenant.Result{Decision: p.Decide(&r)}}}
				replies = append(replies, y.responseReply(&upstream{}, true))
			}
			for _, rep := range replies {
				if !rep.rejected || rep.answered != (r.Method == "OPTIONS") {
					t.Errorf("%q: rejected %v, answered %v", bad, rep.rejected, rep.answered)
				}
				var msg extprocv3.ProcessingResponse
				if err := proto.Unmarshal(rep.wire.Materialize(), &msg); err != nil {
					t.Fatal(err)
				}
				text := msg.String()
				if strings.Contains(text, "a.example") || strings.Contains(text, "set-cookie") {
					t.Errorf("%q: %s", bad, text)
				}
			}
			if x.result.Outcome != policy.Error {
				t.Errorf("%q: outcome %v, want error", bad, x.result.Outcome)
			}
		}
	}
}

func TestValidValues(t *testing.T) {
	t.Parallel()
	for c := range 256 {
		value := "a" + string([]byte{byte(c)}) + "b"
		if got, want := validValue(value), c >= 0x20 && c <= 0x7E; got != want {
			t.Errorf("byte %#02x inside a value: %v, want %v", c, got, want)
		}
		name := string([]byte{byte(c)})
		if got, want := validName(name), strings.Contains("!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz", name); got != want {
			t.Errorf("name %q: %v, want %v", name, got, want)
		}
	}
	for _, bad := range []string{"", " a", "a ", strings.Repeat("a", maxValueBytes+1)} {
		if validValue(bad) {
			t.Errorf("%.10q is taken", bad)
		}
	}
	if !validHeaders(make20()) || validHeaders(append(make20(), policy.Header{Name: "a", Value: "b"})) {
		t.Error("the bound of mutations is not 20")
	}
	if e := (policy.Edits{Remove: []string{"a"}, Set: make20()}); validEdits(&e) {
		t.Error("removals do not count as mutations")
	}
	if e := (policy.Edits{Remove: []string{"A"}}); validEdits(&e) {
		t.Error("a name in upper case may be removed")
	}
}

func make20() []policy.Header {
	list := make([]policy.Header, maxMutations)
	for i := range list {
		list[i] = policy.Header{Name: "a", Value: "b"}
	}
	return list
}

// TestLastResort: when even the answer to a panic panics, every phase has a closed one.
func TestLastResort(t *testing.T) {
	t.Parallel()
	fixed := newFixedReplies()
	preflight := policy.Request{Method: "OPTIONS", Origin: "https://a.example", RequestMethod: "GET"}
	for _, tt := range []struct {
		m    message
		want *reply
	}{
		{message{kind: requestHeaders, request: preflight}, &fixed.refuse},
		{message{kind: requestHeaders}, &fixed.goOn},
		{message{kind: responseHeaders}, &fixed.strip},
		{message{kind: requestBody}, &fixed.requestBody},
		{message{}, &fixed.end},
	} {
		if got := fixed.lastResort(&tt.m); got != tt.want {
			t.Errorf("kind %d: got %q", tt.m.kind, got.wire.Materialize())
		}
	}
}
