package tenant

// Dangers is what is dangerous about the policies of a tenant, as a set.
type Dangers uint8

// The dangers.
const (
	// AnyOrigin: a policy allows every origin, without credentials.
	AnyOrigin Dangers = 1 << iota
	// AnyOriginWithCredentials, InsecureOriginsWithCredentials and PublicSuffixWildcards: the refusal
	// of that name is lifted by dangerously_allow.
	AnyOriginWithCredentials
	InsecureOriginsWithCredentials
	PublicSuffixWildcards
)

// Names lists d by the names that metrics and documents have, in lower case.
func (d Dangers) Names() []string {
	var names []string
	for i, name := range [...]string{
		"any_origin", "any_origin_with_credentials", "insecure_origins_with_credentials", "public_suffix_wildcards",
	} {
		if d>>i&1 != 0 {
			names = append(names, name)
		}
	}
	return names
}

// Dangers of the policies that decide: those in force, and those of a candidate that takes a share.
func (r *Record) Dangers() (d Dangers) {
	for rule := range r.policies() {
		if rule.candidate && r.percent == 0 {
			continue
		}
		lifted := rule.policy.Dangers()
		for _, danger := range [...]struct {
			is   bool
			flag Dangers
		}{
			{rule.policy.Public(), AnyOrigin},
			{lifted.AnyOriginWithCredentials, AnyOriginWithCredentials},
			{lifted.InsecureOriginsWithCredentials, InsecureOriginsWithCredentials},
			{lifted.PublicSuffixWildcards, PublicSuffixWildcards},
		} {
			if danger.is {
				d |= danger.flag
			}
		}
	}
	return d
}

// DangerCount counts tenants by what is dangerous about them.
type DangerCount struct {
	AnyOrigin, AnyOriginWithCredentials, InsecureOriginsWithCredentials, PublicSuffixWildcards int
}

// Add counts one tenant.
func (c *DangerCount) Add(d Dangers) {
	if d == 0 {
		return
	}
	c.AnyOrigin += int(d & 1)
	c.AnyOriginWithCredentials += int(d >> 1 & 1)
	c.InsecureOriginsWithCredentials += int(d >> 2 & 1)
	c.PublicSuffixWildcards += int(d >> 3 & 1)
}
