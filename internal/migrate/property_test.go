package migrate_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/corsgate/corsgate/internal/migrate"
	"github.com/corsgate/corsgate/internal/migrate/migratetest"
	"github.com/corsgate/corsgate/policy"
	"github.com/corsgate/corsgate/tenant"
	"github.com/corsgate/corsgate/tenant/tenanttest"
)

// samples is how many policies of each gateway are tried.
const samples = 40

// TestNothingOpens holds what documents allow against what each gateway says that it allowed: nothing
// may be allowed that was not, and what is not allowed any more has to be in the report.
func TestNothingOpens(t *testing.T) {
	t.Parallel()
	for _, g := range migratetest.Gateways() {
		for _, o := range []migrate.Options{{}, {DangerouslyAllow: true}} {
			t.Run(fmt.Sprintf("%s/%v", g.Name, o.DangerouslyAllow), func(t *testing.T) {
				t.Parallel()
				r := rand.New(rand.NewPCG(1, 2)) // the same samples each time
				for range samples {
					compareSample(t, &g, migratetest.New(r, g.Kinds...), o)
				}
			})
		}
	}
}

func compareSample(t *testing.T, g *migratetest.Gateway, s *migratetest.Sample, o migrate.Options) {
	t.Helper()
	text := g.Write(s)
	result, err := migrate.Convert([]migrate.Input{{Name: "in", Data: text}}, o)
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	after := load(t, result)
	for _, a := range migratetest.Asks() {
		before := g.Asked(s, &a)
		was := a.Passes(before) && (!a.Preflighted() || a.Granted(before))
		is, why := after.allows(&a)
		if name := after.exposesMore(s, &a); is && name != "" {
			t.Fatalf("%+v may read %s now:\n%s\n%s", a, name, text, after.text)
		}
		switch {
		case is && !was:
			t.Fatalf("%+v was not allowed and is now:\n%s\n%s", a, text, after.text)
		case was && !is && !announced(g, s, result, &a, why):
			t.Fatalf("%+v was allowed, is denied now (%s), and the report does not say so:\n%s\n%s\n%v", a, why, text, after.text, result.Differences)
		}
	}
}

// announced reports whether the report says that a request is not allowed any more, for a reason that fits.
func announced(g *migratetest.Gateway, s *migratetest.Sample, result *migrate.Result, a *migratetest.Ask, why policy.Reason) bool {
	return slices.ContainsFunc(result.Differences, func(d migrate.Difference) bool {
		if d.Effect != migrate.Narrower {
			return false
		}
		switch d.Code {
		case migrate.CodeOriginNarrowed, migrate.CodeOriginDropped, migrate.CodeOriginNull:
			return why != policy.MethodNotListed && slices.ContainsFunc(s.Origins, func(o migratetest.Origin) bool {
				return o.Text == d.Value && g.Takes(o, a.Origin)
			})
		case migrate.CodeOriginUnsafe:
			return why == policy.OriginNotListed || why == policy.OriginNull
		case migrate.CodeCredentialsDropped:
			return a.Credentials || why == policy.HeadersNotListed
		case migrate.CodeWildcard:
			return why == policy.MethodNotListed || why == policy.HeadersNotListed
		}
		return false
	}) || a.Origin != "null" && why == policy.OriginMalformed // said of every source
}

// gate is corsgate with the documents of a result.
type gate struct {
	tenants *tenant.Snapshot
	text    string
}

func load(t *testing.T, result *migrate.Result) *gate {
	t.Helper()
	text, err := result.YAML()
	if err != nil {
		t.Fatal(err)
	}
	return &gate{tenants: tenanttest.New(t, string(text)), text: string(text)}
}

// allows asks corsgate as a browser would.
func (g *gate) allows(a *migratetest.Ask) (bool, policy.Reason) {
	return g.allowsAt(migratetest.Host, "/", a)
}

func (g *gate) allowsAt(host, path string, a *migratetest.Ask) (bool, policy.Reason) {
	view := g.tenants.Lookup(context.Background(), tenant.Key{Authority: host, Path: path})
	if a.Preflighted() {
		r := policy.Request{Method: "OPTIONS", Origin: a.Origin, RequestMethod: a.Method, RequestHeaders: strings.Join(a.Headers, ",")}
		d := view.Decide(&r, policy.UnknownRefuse)
		status, headers := d.AppendReply(nil)
		if !a.Granted(answer(status, headers)) {
			return false, d.Reason
		}
	}
	d := view.Decide(&policy.Request{Method: a.Method, Origin: a.Origin}, policy.UnknownRefuse)
	return a.Passes(answer(200, d.AppendGrants(nil))), d.Reason
}

// exposesMore is a response header that corsgate exposes and the sample does not, to a request like a.
func (g *gate) exposesMore(s *migratetest.Sample, a *migratetest.Ask) string {
	view := g.tenants.Lookup(context.Background(), tenant.Key{Authority: migratetest.Host, Path: "/"})
	d := view.Decide(&policy.Request{Method: a.Method, Origin: a.Origin}, policy.UnknownRefuse)
	for _, h := range d.AppendGrants(nil) {
		if h.Name != "access-control-expose-headers" {
			continue
		}
		for name := range strings.SplitSeq(h.Value, ",") {
			name = strings.TrimSpace(name)
			if !slices.ContainsFunc(s.Expose, func(one string) bool { return strings.EqualFold(one, name) }) {
				return name
			}
		}
	}
	return ""
}

func answer(status int, headers []policy.Header) *migratetest.Answer {
	out := &migratetest.Answer{Status: status}
	for _, h := range headers {
		switch h.Name {
		case "access-control-allow-origin":
			out.Origin = h.Value
		case "access-control-allow-credentials":
			out.Credentials = h.Value
		case "access-control-allow-methods":
			out.Methods = h.Value
		case "access-control-allow-headers":
			out.Headers = h.Value
		}
	}
	return out
}

// gateways are a configuration of each gateway.
func gateways() [][]byte {
	var out [][]byte
	r := rand.New(rand.NewPCG(5, 6))
	for _, g := range migratetest.Gateways() {
		out = append(out, g.Write(migratetest.New(r, g.Kinds...)))
	}
	return out
}
