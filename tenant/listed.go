package tenant

import "github.com/corsgate/corsgate/policy"

// Lists reports whether any policy of the tenant, whichever route it stands for, candidate or not,
// allows the origin at that time in Unix seconds. It answers for reports that carry no path; requests are
// for Decide. Without a policy in force it is false.
func (v *View) Lists(origin string, now int64) bool {
	if v.stable == nil {
		return false
	}
	r := policy.Request{Method: "GET", Origin: origin, Now: now}
	for rule := range v.entry.record.policies() {
		if d := rule.policy.Decide(&r); d.Outcome == policy.Allowed {
			return true
		}
	}
	return false
}
