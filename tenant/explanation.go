package tenant

import (
	"path"

	"github.com/corsgate/corsgate/policy"
)

// Explanation is what a view says about one request, and why.
type Explanation struct {
	// Result is what Decide gives.
	Result Result
	// Policy is the field path of the policy that decided, for example
	// "routes[0].policy", or "" when none did.
	Policy string
	// Why is the policy's own explanation; without a policy it holds the decision only.
	Why policy.Explanation
	// Readings say why the path is ambiguous: as it is written, then as it can be read. Else there are none.
	Readings []Reading
}

// Reading is one thing that a path can mean (rule 27a).
type Reading struct {
	// Path is empty when the path is too long to be read.
	Path string
	// Policy is the field path of the policy for it, for example "routes[0].policy".
	Policy string
	// Fault says what keeps applications from agreeing on it; "" when its having another policy does.
	Fault string
}

// Explain decides r as Decide does and says which policy did, and why.
func (v *View) Explain(r *policy.Request, u policy.UnknownTenant) Explanation {
	res := v.Decide(r, u)
	ex := Explanation{Result: res, Why: policy.Explanation{Decision: res.Decision}}
	if v.stable == nil || v.entry.record.mode == Off {
		return ex
	}
	by := v.by(&res)
	if by.policy == nil {
		ex.Readings = v.entry.record.rules(by.candidate).readings(v.path)
		return ex
	}
	ex.Policy, ex.Why = by.path(), by.policy.Explain(r)
	ex.Why.Decision = res.Decision
	return ex
}

// rules are those of the candidate, or those in force.
func (r *Record) rules(candidate bool) *ruleset {
	if candidate {
		return r.candidate
	}
	return &r.stable
}

// readings are what an ambiguous path can mean.
func (s *ruleset) readings(written string) []Reading {
	out := []Reading{{Path: written, Policy: s.written(written).path()}}
	var buf [maxReading + 1]byte
	r := readPath(&buf, written)
	if r.path == nil {
		return append(out, Reading{Fault: r.fault})
	}
	meant := path.Clean(string(r.path))
	return append(out, Reading{Path: meant, Policy: s.meant([]byte(meant)).path(), Fault: r.fault})
}
