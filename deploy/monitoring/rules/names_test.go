package rules_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/corsgate/corsgate/deploy/monitoring/rules"
)

func TestParse(t *testing.T) {
	t.Parallel()
	type M = rules.Matcher
	for _, tc := range []struct {
		expr string
		want rules.Uses
	}{
		{"absent(a)", rules.Uses{Selectors: []rules.Selector{{Metric: "a"}}}},
		{
			`sum by (x, y) (rate(a_total{l=~"p|q}",m!=""}[5m])) / on () group_left (z) max(b offset 2m) > 0.5`,
			rules.Uses{
				Selectors: []rules.Selector{{Metric: "a_total", Matchers: []M{{"l", "=~", "p|q}"}, {"m", "!=", ""}}}, {Metric: "b"}},
				Grouping:  []string{"x", "y", "z"},
			},
		},
		{
			`(cors:a:rate5m > (14.4 * 0.0005)) and (b == 1) or vector(0) unless c`,
			rules.Uses{Selectors: []rules.Selector{{Metric: "cors:a:rate5m"}, {Metric: "b"}, {Metric: "c"}}},
		},
		{
			`count({__name__=~"cors_.+",o="true"}) + time() - d{}`,
			rules.Uses{Selectors: []rules.Selector{{Matchers: []M{{"__name__", "=~", "cors_.+"}, {"o", "=", "true"}}}, {Metric: "d"}}},
		},
	} {
		if diff := cmp.Diff(tc.want, rules.Parse(tc.expr)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tc.expr, diff)
		}
	}
}

func TestAlternatives(t *testing.T) {
	t.Parallel()
	for value, want := range map[string][]string{"a|b": {"a", "b"}, "a": {"a"}, "": nil, "$tier": nil, "a.+": nil} {
		if diff := cmp.Diff(want, rules.Matcher{Label: "l", Op: "=~", Value: value}.Alternatives()); diff != "" {
			t.Errorf("%q (-want +got):\n%s", value, diff)
		}
	}
	if got := (rules.Matcher{Op: "=", Value: "a|b"}).Alternatives(); len(got) != 1 {
		t.Errorf("an equality has the alternatives %q", got)
	}
}
