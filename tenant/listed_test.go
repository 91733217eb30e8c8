package tenant_test

import (
	"testing"

	"github.com/corsgate/corsgate/tenant"
	"github.com/corsgate/corsgate/tenant/tenanttest"
)

func TestLists(t *testing.T) {
	registry := tenanttest.New(t, `id: a
hosts: [a.example]
policy:
  origins: ["https://app.example"]
  temporary_origins: [{origin: "https://old.example", expires_at: "2027-01-31T00:00:00Z", note: migration}]
routes: [{path_prefix: /partners, policy: {origins: ["https://*.partner.example"]}}]
candidate: {policy: {origins: ["https://new.example"]}}
`, doc("off", "off.example", `mode: "OFF"`), `id: public
hosts: [cdn.example]
policy: {origins: ["*"]}`)
	const before, after = 1_800_000_000, 1_801_440_000 // of the end of January 2027
	tests := []struct {
		host, origin string
		now          int64
		want         bool
	}{
		{"a.example", "https://app.example", before, true},
		{"a.example", "https://x.partner.example", before, true},
		{"a.example", "https://new.example", before, true},
		{"a.example", "https://old.example", before, true},
		{"a.example", "https://old.example", after, false},
		{"a.example", "https://evil.example", before, false},
		{"a.example", "https://app.example, https://app.example", before, false},
		{"a.example", "https://a.example", before, false},
		{"a.example", "null", before, false},
		{"a.example", "", before, false},
		{"cdn.example", "https://evil.example", before, true},
		{"cdn.example", "no origin", before, false},
		{"off.example", "https://off.origin", before, true},
		{"nobody.example", "https://app.example", before, false},
		{"a.example,cdn.example", "https://app.example", before, false},
	}
	for _, tt := range tests {
		v := registry.Lookup(t.Context(), tenant.Key{Authority: tt.host, Path: "/"})
		if got := v.Lists(tt.origin, tt.now); got != tt.want {
			t.Errorf("%s lists %q: %t, want %t", tt.host, tt.origin, got, tt.want)
		}
	}
	var nobody tenant.View
	if nobody.Lists("https://app.example", before) {
		t.Error("the zero view lists an origin")
	}
}
