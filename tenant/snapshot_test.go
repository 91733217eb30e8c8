package tenant_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/corsgate/corsgate/policy"
	"github.com/corsgate/corsgate/tenant"
	"github.com/corsgate/corsgate/tenant/document"
	"github.com/corsgate/corsgate/tenant/tenanttest"
)

// doc is a document that allows one origin of its own.
func doc(id, hosts, more string) string {
	return fmt.Sprintf("id: %s\nhosts: [%s]\npolicy: {origins: [\"https://%s.origin\"]}\n%s", id, hosts, id, more)
}

func TestSnapshotIsARegistry(t *testing.T) {
	open := func(t *testing.T, docs ...tenanttest.Document) tenant.Registry {
		var records []*tenant.Record
		for _, d := range docs {
			stored := document.ParseStored(d.ID, []byte(d.Text))
			if stored.Record == nil {
				t.Fatalf("%s: %v", d.ID, stored.Problems)
			}
			records = append(records, stored.Record)
		}
		return tenant.SnapshotOf(records...)
	}
	tenanttest.RunRegistry(t, open)
	t.Run("stored", func(t *testing.T) { tenanttest.RunStored(t, open) })
}

func TestUnreadableTenantsHoldTheirHosts(t *testing.T) {
	good, broken, _ := document.Decode("", []byte(doc("default", `"*"`, "")+"---\nid: broken\nhosts: [broken.example, \"*.broken.example\", taken.example]\n---\n"+
		doc("owner", "taken.example, owner.example", "")))
	records := broken
	for _, d := range good {
		records = append(records, d.Record)
	}
	snapshot := tenant.SnapshotOf(records...)
	for _, k := range []tenant.Key{{Authority: "broken.example"}, {Authority: "x.broken.example"}, {Hint: "broken"}} {
		v := snapshot.Lookup(t.Context(), k)
		d := v.Decide(&policy.Request{Method: "GET", Authority: "broken.example", Origin: "https://default.origin"}, policy.UnknownForward)
		if v.Freshness != tenant.Unreadable || d.Outcome != policy.Error || d.Reason != policy.PolicyUnreadable {
			t.Errorf("rule 74: %+v is %v, %v %v; want unreadable and closed", k, v.Freshness, d.Outcome, d.Reason)
		}
	}
	for host, want := range map[string]tenant.Freshness{"taken.example": tenant.Conflict, "owner.example": tenant.Live} {
		v := snapshot.Lookup(t.Context(), tenant.Key{Authority: host})
		if v.Freshness != want {
			t.Errorf("rule 26a: %s is %v, want %v", host, v.Freshness, want)
		}
	}
}

// One tenant's document never changes another's decision.
func TestOtherTenantsChangeNothing(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	pick := func(from ...string) string { return from[rng.IntN(len(from))] }
	other := func(i int) string {
		return fmt.Sprintf("id: o%d\nhosts: [%q, %q]\nmode: %s\npolicy: {origins: [%s], credentials: %s}\nroutes: [{path_prefix: /r, policy: {origins: [\"*\"]}}]\n", i,
			fmt.Sprintf("h%d.example", i), pick("*.", "")+fmt.Sprintf("w%d.", i)+pick("a.example", "example", "b.a.example"), pick("ENFORCE", "SHADOW", "OFF"),
			pick(`"https://a.origin"`, `"https://x.origin", "https://*.y.origin"`, ""), pick("true", "false"))
	}
	mine := doc("a", `a.example, "*.b.a.example"`, "routes: [{path_prefix: /r, policy: {credentials: true, origins: [\"https://x.origin\"]}}]\ncandidate: {percent: 50, policy: {}}\n")
	alone := tenanttest.New(t, mine)
	for range 200 {
		docs := []string{mine}
		for i := range rng.IntN(6) {
			docs = append(docs, other(i))
		}
		rng.Shuffle(len(docs), func(i, j int) { docs[i], docs[j] = docs[j], docs[i] })
		among := tenanttest.New(t, docs...)
		for range 20 {
			key := tenant.Key{Authority: pick("a.example", "x.b.a.example", "A.example:80"), Path: pick("/", "/r", "/rx", "/r/x?y")}
			r := &policy.Request{
				Method: pick("GET", "OPTIONS", "DELETE"), Authority: key.Authority, RequestMethod: pick("", "PUT"),
				Origin: pick("", "https://a.origin", "https://x.origin", "https://z.y.origin", "null", "a,b"),
			}
			v, w := alone.Lookup(t.Context(), key), among.Lookup(t.Context(), key)
			if diff := cmp.Diff(answerOf(&v, r), answerOf(&w, r)); diff != "" {
				t.Fatalf("%+v, %+v (-alone +among):\n%s\n%s", key, r, diff, strings.Join(docs, "---\n"))
			}
		}
	}
}

// answer is everything that a decision does to the traffic.
type answer struct {
	ID, Shadow, Variant string
	Outcome             policy.Outcome
	Reason              policy.Reason
	Status              int
	Reply               []policy.Header
	Edits               policy.Edits
}

func answerOf(v *tenant.View, r *policy.Request) answer {
	res := v.Decide(r, policy.UnknownRefuse)
	a := answer{ID: v.ID(), Shadow: res.Shadow, Variant: res.Variant, Outcome: res.Outcome, Reason: res.Reason}
	if res.Answered() {
		a.Status, a.Reply = res.AppendReply(nil)
		return a
	}
	res.AppendEdits(&a.Edits, &policy.Upstream{AllowOrigin: "*", HasCORS: true, Vary: "Accept"})
	return a
}

// keys are lookups of every kind among many tenants.
func keys() map[string]tenant.Key {
	return map[string]tenant.Key{
		"exact":    {Authority: "h5.example", Path: "/x?y"},
		"routes":   {Authority: "h77.example", Path: "/x"},
		"port":     {Authority: "h77.example:8443", Path: "/x"},
		"wildcard": {Authority: "a.b.c.w77.example", Path: "/r99/x"},
		"hint":     {Hint: "t77", Authority: "a,b", Path: "/"},
		"unknown":  {Authority: "a.b.c.d.nobody.test", Path: "/"},
	}
}

func manyTenants(tb testing.TB) *tenant.Snapshot {
	docs := make([]string, 1000)
	for i := range docs {
		routes := ""
		if i == 77 {
			var b strings.Builder
			b.WriteString("routes:\n")
			for j := range document.MaxRoutes {
				fmt.Fprintf(&b, "- {path_prefix: /r%d, policy: {}}\n", j)
			}
			routes = b.String()
		}
		docs[i] = doc(fmt.Sprintf("t%d", i), fmt.Sprintf(`h%d.example, "*.w%d.example"`, i, i), routes)
	}
	return tenanttest.New(tb, docs...)
}

func TestLookupAndDecideAllocateNothing(t *testing.T) {
	registry := manyTenants(t)
	r := &policy.Request{Method: "GET", Authority: "h77.example", Origin: "https://t77.origin"}
	for name, key := range keys() {
		n := testing.AllocsPerRun(200, func() {
			v := registry.Lookup(t.Context(), key)
			v.Decide(r, policy.UnknownRefuse)
		})
		if n != 0 {
			t.Errorf("%s: Lookup and Decide allocate %v times, want 0", name, n)
		}
	}
}

func BenchmarkLookup(b *testing.B) {
	registry := manyTenants(b)
	for name, key := range keys() {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				registry.Lookup(b.Context(), key)
			}
		})
	}
}
