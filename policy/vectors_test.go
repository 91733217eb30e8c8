package policy_test

import (
	"testing"

	"github.com/corsgate/corsgate/internal/vectors"
	"github.com/corsgate/corsgate/policy"
)

const (
	vectorDir = "testdata/vectors"
	// ambiguousFile holds the authorities that name no single host. Telling them from
	// unknown hosts is the tenant package's part, which the run through server shows.
	ambiguousFile = "authority-ambiguous"
)

// TestVectors runs the corpus through policy alone: compile, decide, and the reply
// or the edits of the application's response.
func TestVectors(t *testing.T) {
	for _, f := range loadVectors(t) {
		t.Run(f.Name, func(t *testing.T) {
			for _, c := range f.Cases {
				t.Run(c.Name, func(t *testing.T) { runVector(t, &f, &c) })
			}
		})
	}
}

func loadVectors(t *testing.T) []vectors.File {
	t.Helper()
	files, err := vectors.Load(vectorDir)
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func runVector(t *testing.T, f *vectors.File, c *vectors.Case) {
	r, err := c.PolicyRequest()
	if err != nil {
		t.Fatal(err)
	}
	d := decide(t, f, c, &r)
	if got := [3]string{d.Kind.String(), d.Outcome.String(), d.Reason.String()}; got != [3]string{c.Want.Kind, c.Want.Outcome, c.Want.Reason} {
		t.Errorf("decision: got %v, want %v", got, [3]string{c.Want.Kind, c.Want.Outcome, c.Want.Reason})
	}
	if d.Answered() != c.Want.Answered {
		t.Errorf("answered: got %v, want %v", d.Answered(), c.Want.Answered)
	}
	status, headers := vectors.Response(&d, c.App)
	if diff := vectors.Compare(c.Want, status, headers); diff != "" {
		t.Errorf("response:\n%s", diff)
	}
}

// decide does what a tenant's view does, in the fewest words.
func decide(t *testing.T, f *vectors.File, c *vectors.Case, r *policy.Request) policy.Decision {
	t.Helper()
	if _, known := f.Hosts(); !known {
		switch {
		case r.Authority == "":
			return policy.DecideUnseen()
		case f.Name == ambiguousFile:
			return policy.DecideAmbiguous(r)
		}
		return policy.DecideUnknown(r, policy.UnknownRefuse)
	}
	mode, err := vectors.Mode(f.Tenant)
	if err != nil {
		t.Fatal(err)
	}
	if mode == "OFF" {
		return policy.DecideOff(r)
	}
	// As with authorities, telling which paths are ambiguous is the tenant package's part.
	if c.Want.Reason == policy.PathAmbiguous.String() {
		return policy.DecidePathAmbiguous(r)
	}
	spec, err := vectors.Spec(f.Tenant, c.Request.Path)
	if err != nil {
		t.Fatal(err)
	}
	p, err := policy.Compile(spec)
	if err != nil {
		t.Fatalf("compiling: %v", err)
	}
	d := p.Decide(r)
	if mode == "SHADOW" {
		d = d.Shadow()
	}
	return d
}
