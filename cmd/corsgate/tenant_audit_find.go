package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/corsgate/corsgate/policy"
	tenantv1 "github.com/corsgate/corsgate/proto/corsgate/tenant/v1"
	"github.com/corsgate/corsgate/tenant/store"
)

// finding names what an audit finds; it is a label of metrics.
type finding string

const (
	unused30  finding = "unused_30d"
	unused90  finding = "unused_90d"
	wildcard  finding = "wildcard"
	anyOrigin finding = "any_origin"
	dangerous finding = "dangerous"
	expired   finding = "expired"
)

// auditFindings are all findings and what they mean.
func auditFindings() []struct {
	name    finding
	meaning string
} {
	return []struct {
		name    finding
		meaning string
	}{
		{unused30, "entries that have allowed nothing for 30 days, those of 90 days included"},
		{unused90, "entries that have allowed nothing for 90 days"},
		{wildcard, "entries that trust every host below a name"},
		{anyOrigin, "entries that let every site in"},
		{dangerous, "refusals that a policy lifts by dangerously_allow"},
		{expired, "temporary entries that have ended"},
	}
}

// auditRow is one finding about one entry.
type auditRow struct {
	Tenant   string  `json:"tenant"`
	Finding  finding `json:"finding"`
	Path     string  `json:"path"`
	Entry    string  `json:"entry"`
	Detail   string  `json:"detail"`
	LastUsed string  `json:"last_used,omitempty"`
	// UnusedDays is how long an entry is known to have allowed nothing.
	UnusedDays int `json:"unused_days,omitempty"`
}

// audited is what was found about one tenant.
type audited struct {
	id   string
	rows []auditRow
	// entries may be used, and updated is the day of the document.
	entries []auditRow
	updated store.Day
}

// auditTenant finds what the document shows.
func auditTenant(t *storedTenant, now time.Time) audited {
	a := audited{id: t.id}
	m := t.document
	if m.GetUpdatedAt() != nil {
		a.updated = store.DayOf(m.GetUpdatedAt().AsTime())
	}
	// A tenant that decides nothing uses nothing.
	decides := m.GetMode() != tenantv1.Tenant_OFF
	a.policies("", m.GetPolicy(), m.GetRoutes(), decides, now)
	if c := m.GetCandidate(); c != nil {
		a.policies("candidate.", c.GetPolicy(), c.GetRoutes(), decides && c.GetPercent() > 0, now)
	}
	return a
}

func (a *audited) policies(prefix string, base *tenantv1.Policy, routes []*tenantv1.Route, decides bool, now time.Time) {
	a.policy(prefix+"policy", base, decides, now)
	for i, route := range routes {
		a.policy(fmt.Sprintf("%sroutes[%d].policy", prefix, i), route.GetPolicy(), decides, now)
	}
}

func (a *audited) policy(path string, m *tenantv1.Policy, decides bool, now time.Time) {
	spec := policy.Spec{Origins: m.GetOrigins(), Credentials: m.GetCredentials(), Dangerously: dangersOf(m)}
	entry := func(path, text string) auditRow { return auditRow{Tenant: a.id, Path: path, Entry: text} }
	var live []auditRow
	for i, text := range spec.Origins {
		live = append(live, entry(fmt.Sprintf("%s.origins[%d]", path, i), text))
	}
	for i, t := range m.GetTemporaryOrigins() {
		end := t.GetExpiresAt().AsTime()
		spec.TemporaryOrigins = append(spec.TemporaryOrigins, policy.TemporaryOrigin{Origin: t.GetOrigin(), ExpiresAt: end})
		row := entry(fmt.Sprintf("%s.temporary_origins[%d].origin", path, i), t.GetOrigin())
		if now.Before(end) {
			live = append(live, row)
			continue
		}
		row.Finding, row.Detail = expired, "it ended at "+end.UTC().Format(time.RFC3339)
		a.rows = append(a.rows, row)
	}
	for _, p := range policy.Advise(spec) {
		row := entry(path+"."+p.Path, p.Value)
		row.Detail = p.Detail
		switch p.Code {
		case policy.CodeWildcardOrigin, policy.CodePublicSuffix:
			row.Finding = wildcard
		case policy.CodeAnyOrigin:
			row.Finding = anyOrigin
		case policy.CodeDangerous:
			row.Finding = dangerous
		default:
			continue
		}
		a.rows = append(a.rows, row)
	}
	if decides {
		a.entries = append(a.entries, live...)
	}
}

func dangersOf(m *tenantv1.Policy) (d policy.Dangers) {
	for _, danger := range m.GetDangerouslyAllow() {
		switch danger {
		case tenantv1.Policy_ANY_ORIGIN_WITH_CREDENTIALS:
			d.AnyOriginWithCredentials = true
		case tenantv1.Policy_INSECURE_ORIGINS_WITH_CREDENTIALS:
			d.InsecureOriginsWithCredentials = true
		case tenantv1.Policy_PUBLIC_SUFFIX_WILDCARDS:
			d.PublicSuffixWildcards = true
		default: // a document with another one is broken
		}
	}
	return d
}

// askUses is the question when the entries were last used.
func (a *audited) askUses() store.Entries {
	ask := store.Entries{Tenant: a.id}
	for i := range a.entries {
		ask.Entries = append(ask.Entries, a.entries[i].Entry)
	}
	return ask
}

// addUnused adds the entries of which the last use is long ago.
func (a *audited) addUnused(rec recording, last []store.Day) {
	for i, row := range a.entries {
		row.UnusedDays = rec.unused(last[i], a.updated)
		switch {
		case row.UnusedDays >= 90:
			row.Finding = unused90
		case row.UnusedDays >= 30:
			row.Finding = unused30
		default:
			continue
		}
		var b strings.Builder
		if last[i] == 0 {
			b.WriteString("never seen")
		} else {
			row.LastUsed = last[i].String()
			b.WriteString("last used on " + row.LastUsed)
		}
		fmt.Fprintf(&b, ", not in the %d days since %s", row.UnusedDays, rec.today-store.Day(row.UnusedDays))
		row.Detail = b.String()
		a.rows = append(a.rows, row)
	}
}
