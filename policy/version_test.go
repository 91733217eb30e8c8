package policy

import (
	"reflect"
	"testing"
	"time"
)

// versions are specs that decide differently, each by one field.
func versions(t *testing.T) []Spec {
	t.Helper()
	at := time.Unix(2_000_000_000, 0)
	age := time.Minute
	specs := []Spec{
		{},
		{Origins: []string{"https://a.example"}},
		{Origins: []string{"https://b.example"}},
		{Origins: []string{"https://a.example", "https://b.example"}},
		{Origins: []string{"https://a.exampl", "https://be.example"}}, // as many bytes
		{Origins: []string{"https://a.example"}, TemporaryOrigins: []TemporaryOrigin{{Origin: "https://b.example", ExpiresAt: at}}},
		{Origins: []string{"https://a.example"}, TemporaryOrigins: []TemporaryOrigin{{Origin: "https://b.example", ExpiresAt: at.Add(time.Second)}}},
		{Methods: []string{"PUT"}},
		{RequestHeaders: []string{"x-a"}},
		{ExposeHeaders: []string{"x-a"}},
		{ExposeHeaders: []string{"*"}},
		{MaxAge: &age},
		{MaxAge: new(time.Duration)},
		{Preflight: PreflightSpec{DebugUntil: at}},
		{Preflight: PreflightSpec{DebugUntil: at.Add(time.Second)}},
		{Preflight: PreflightSpec{SuccessStatus: 200}},
		{Preflight: PreflightSpec{DeniedStatus: 200}},
		{Preflight: PreflightSpec{Minimal: true}},
		{Preflight: PreflightSpec{ExposeHeaders: true}},
		{UpstreamHeaders: Fill},
		{Dangerously: Dangers{AnyOriginWithCredentials: true}},
	}
	// Every switch of a Spec, also one of the future.
	for i := range reflect.TypeFor[Spec]().NumField() {
		var s Spec
		if f := reflect.ValueOf(&s).Elem().Field(i); f.Kind() == reflect.Bool {
			f.SetBool(true)
			specs = append(specs, s)
		}
	}
	return specs
}

func TestEqualIsOfTheSameSpec(t *testing.T) {
	specs := versions(t)
	for i := range specs {
		for j := range specs {
			if got := mustCompile(t, specs[i]).Equal(mustCompile(t, specs[j])); got != (i == j) {
				t.Errorf("%+v and %+v: equal is %t", specs[i], specs[j], got)
			}
		}
	}
}

func TestEqualLeavesNotesOut(t *testing.T) {
	spec := func(note string) Spec {
		return Spec{TemporaryOrigins: []TemporaryOrigin{{Origin: "https://b.example", ExpiresAt: time.Unix(9, 0), Note: note}}}
	}
	if !mustCompile(t, spec("one")).Equal(mustCompile(t, spec("two"))) {
		t.Error("a note makes another policy")
	}
}

func TestEnded(t *testing.T) {
	const now = 1000
	before, after := time.Unix(now, 0), time.Unix(now+1, 0)
	p := mustCompile(t, Spec{
		Origins: []string{"https://both.example"},
		TemporaryOrigins: []TemporaryOrigin{
			{Origin: "https://over.example", ExpiresAt: before},
			{Origin: "https://*.over.example", ExpiresAt: before},
			{Origin: "https://on.example", ExpiresAt: after},
			{Origin: "https://on.over.example", ExpiresAt: after},
			{Origin: "https://both.example", ExpiresAt: before},
		},
	})
	for origin, want := range map[string]bool{
		"https://over.example":     true,
		"https://a.over.example":   true,
		"https://on.example":       false,
		"https://on.over.example":  false, // another entry goes on
		"https://both.example":     false,
		"https://other.example":    false,
		"http://over.example":      false,
		"https://over.example/":    false,
		"null":                     false,
		"":                         false,
		"https://xover.example":    false,
		"https://over.example:444": false,
	} {
		if got := p.Ended(origin, now); got != want {
			t.Errorf("%q: ended is %t", origin, got)
		}
	}
	if mustCompile(t, Spec{Origins: []string{"https://a.example"}}).Ended("https://b.example", now) {
		t.Error("something has ended in a policy without temporary origins")
	}
}

func TestUpstreamMode(t *testing.T) {
	r := Request{Method: "GET", Authority: "a.example", Origin: "https://a.example"}
	for mode, name := range map[UpstreamMode]string{Override: "override", Fill: "fill", Passthru: "passthrough"} {
		d := mustCompile(t, Spec{UpstreamHeaders: mode}).Decide(&r)
		if d.UpstreamMode() != mode || d.UpstreamMode().String() != name {
			t.Errorf("mode %d is %v, %q", mode, d.UpstreamMode(), d.UpstreamMode().String())
		}
	}
	closed := DecideAmbiguous(&r)
	if closed.UpstreamMode() != Override || UpstreamMode(9).String() != "invalid" {
		t.Error("without a policy what the application said is replaced; other modes have no name")
	}
}
