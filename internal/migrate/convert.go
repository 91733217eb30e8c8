package migrate

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/corsgate/corsgate/policy"
	tenantv1 "github.com/corsgate/corsgate/proto/corsgate/tenant/v1"
)

// Options of a migration.
type Options struct {
	// DangerouslyAllow lifts the refusals of corsgate where the source allows what they
	// forbid: any origin, plain http and public suffixes with credentials.
	DangerouslyAllow bool
	// AlignPaths reads path prefixes as whole segments: /api and /api/ both mean /api and what is below it. Without it a
	// part of the path space on which that matters gets no more than what all policies there allow.
	AlignPaths bool
}

// convert gives the policy that does what s does, or less. It is nil for a policy that is not carried out.
func (c *converter) convert(s *source) *tenantv1.Policy {
	if s == nil || s.shadow {
		return nil
	}
	key := fmt.Sprintf("%+v", *s) // routes of one virtual host inherit the same
	if p, ok := c.done[key]; ok {
		return p
	}
	n := c.notes
	p := &tenantv1.Policy{Credentials: s.credentials, PrivateNetworkAccess: s.privateNetwork}
	p.Origins = translateOrigins(n, c.prover, s.origins)
	c.credentials(s, p)
	methods, headers := s.methods, s.headers
	if broken(&methods) || broken(&headers) {
		// One list that browsers cannot read makes them refuse the preflight as a whole.
		n.readable(&methods, "and refuse every preflight; no method is taken over")
		n.readable(&headers, "and refuse every preflight; no header is taken over")
	} else {
		p.Methods = translateMethods(n, &methods, p.GetCredentials())
		p.RequestHeaders = translateHeaders(n, &headers, p.GetCredentials())
	}
	p.ExposeHeaders = translateExpose(n, &s.expose, p.GetCredentials())
	if age, ok := translateMaxAge(n, s.maxAge.at, s.maxAge.text); ok {
		p.MaxAge = durationpb.New(time.Duration(age) * time.Second)
	}
	c.done[key] = p
	return p
}

func broken(l *list) bool {
	if l.echo {
		return false
	}
	_, ok := l.names()
	return !ok
}

// credentials settles what corsgate refuses together with credentials (rules 46 and 47).
func (c *converter) credentials(s *source, p *tenantv1.Policy) {
	if !p.GetCredentials() {
		return
	}
	var kept []string
	dangers := map[tenantv1.Policy_Danger]bool{}
	unbounded := false
	for _, entry := range p.GetOrigins() {
		_, err := policy.Compile(policy.Spec{Origins: []string{entry}, Credentials: true})
		problems, _ := err.(policy.Problems) //nolint:errorlint // Compile gives them as they are
		if len(problems) == 0 || c.options.DangerouslyAllow {
			kept = append(kept, entry)
		}
		for i := range problems {
			danger := dangerOf(problems[i].Code)
			unbounded = unbounded || danger == tenantv1.Policy_ANY_ORIGIN_WITH_CREDENTIALS
			dangers[danger] = true
		}
	}
	if len(dangers) == 0 {
		return
	}
	if c.options.DangerouslyAllow {
		for danger := range dangers {
			p.DangerouslyAllow = append(p.DangerouslyAllow, danger)
		}
		slices.Sort(p.DangerouslyAllow)
		c.notes.changed(CodeDangerous, s.at, strings.Join(p.GetOrigins(), " "),
			"the document lifts refusals of corsgate, since the source allows these origins with credentials", "list the origins that need credentials")
		for i := range s.origins {
			if m := &s.origins[i]; m.kind == exact && m.text == anyOrigin {
				c.notes.narrower(CodeOriginNull, m.at, m.value(), "null is never allowed with credentials", "")
			}
		}
		return
	}
	if unbounded && len(kept) == 0 {
		p.Credentials = false
		c.notes.narrower(CodeCredentialsDropped, s.at, strings.Join(p.GetOrigins(), " "),
			"any site could read what its visitors see here with their cookies; the origins are taken over, credentials are not",
			"list the origins that need credentials, or import with --dangerously-allow")
		return
	}
	for _, entry := range p.GetOrigins() {
		if !slices.Contains(kept, entry) {
			c.notes.narrower(CodeOriginUnsafe, s.at, entry,
				"corsgate refuses plain http, public suffixes and any origin together with credentials", "use https, list the names, or import with --dangerously-allow")
		}
	}
	p.Origins = kept
}

func dangerOf(code policy.Code) tenantv1.Policy_Danger {
	switch code {
	case policy.CodeCredentialsAnyOrigin:
		return tenantv1.Policy_ANY_ORIGIN_WITH_CREDENTIALS
	case policy.CodeCredentialsInsecure:
		return tenantv1.Policy_INSECURE_ORIGINS_WITH_CREDENTIALS
	default:
		return tenantv1.Policy_PUBLIC_SUFFIX_WILDCARDS
	}
}
