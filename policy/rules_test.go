package policy_test

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/corsgate/corsgate/policy"
)

// rulesDoc is the page that the numbers in comments and vectors point to.
const rulesDoc = "../docs/rules.md"

// lastRule is the highest number that has to have a vector or a row that says why not.
const lastRule = 74

// table returns the rows of the first table under the heading, cells trimmed, header
// and ruler left out.
func table(t *testing.T, heading string) [][]string {
	t.Helper()
	raw, err := os.ReadFile(rulesDoc)
	if err != nil {
		t.Fatal(err)
	}
	_, section, found := strings.Cut(string(raw), "\n## "+heading+"\n")
	if !found {
		t.Fatalf("%s has no section %q", rulesDoc, heading)
	}
	section, _, _ = strings.Cut(section, "\n## ")
	var rows [][]string
	for line := range strings.Lines(section) {
		line = strings.TrimSpace(line)
		if !strings.HasPrefix(line, "|") {
			continue
		}
		cells := strings.Split(strings.Trim(line, "|"), "|")
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}
		rows = append(rows, cells)
	}
	if len(rows) < 3 {
		t.Fatalf("%s: section %q has no table", rulesDoc, heading)
	}
	return rows[2:]
}

// vectorRules returns what the corpus and the busted documents name, and in how many cases.
func vectorRules(t *testing.T) map[string]int {
	t.Helper()
	named := map[string]int{}
	for _, f := range loadVectors(t) {
		for _, c := range f.Cases {
			for _, rule := range c.Rules {
				named[rule]++
			}
		}
	}
	return named
}

// documentedRules returns the numbers of the tables of rules.
func documentedRules(t *testing.T) map[string]bool {
	t.Helper()
	raw, err := os.ReadFile(rulesDoc)
	if err != nil {
		t.Fatal(err)
	}
	rules, _, _ := strings.Cut(string(raw), "\n## Rules without a vector\n")
	documented := map[string]bool{}
	for _, m := range regexp.MustCompile(`(?m)^\| (\d+[ab]?) \|`).FindAllStringSubmatch(rules, -1) {
		if documented[m[1]] {
			t.Errorf("rule %s is documented twice", m[1])
		}
		documented[m[1]] = true
	}
	return documented
}

func TestEveryRuleHasAVector(t *testing.T) {
	named, documented := vectorRules(t), documentedRules(t)
	for n := range 80 {
		if rule := strconv.Itoa(n + 1); !documented[rule] {
			t.Errorf("rule %s is not documented", rule)
		}
	}
	without := map[string]string{} // :: rule → where else, or why not yet
	for _, row := range table(t, "Rules without a vector") {
		without[row[0]] = row[1]
		if named[row[0]] > 0 {
			t.Errorf("rule %s is listed as without a vector and has %d", row[0], named[row[0]])
		}
	}
	for rule := range documented {
		number := 0
		if _, err := fmt.Sscanf(rule, "%d", &number); err != nil {
			t.Fatal(err)
		}
		if number <= lastRule && named[rule] == 0 && without[rule] == "" {
			t.Errorf("rule %s has neither a vector nor a row that says why not", rule)
		}
	}
	for rule, where := range without {
		if !strings.HasPrefix(where, "not yet: ") {
			testNamesRule(t, strings.Trim(where, "`"), rule)
		}
	}
}

// testNamesRule fails unless the test file, a path from the root, names the rule.
func testNamesRule(t *testing.T, path, rule string) {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("..", path))
	if err != nil || !strings.HasSuffix(path, "_test.go") {
		t.Errorf("rule %s: %q is no test file (%v)", rule, path, err)
		return
	}
	if !regexp.MustCompile(`rules? (\d+[ab]?(, | and ))*` + rule + `\b`).Match(raw) {
		t.Errorf("rule %s: %s does not name it", rule, path)
	}
}

// TestVectorsNameKnownThings: whatever a vector or busted document names is a rule, an
// advisory or an origin vector of the page.
func TestVectorsNameKnownThings(t *testing.T) {
	known := documentedRules(t)
	for _, row := range table(t, "Advisories") {
		known[row[0]] = true
	}
	for n := range 31 {
		known[fmt.Sprintf("O%d", n+1)] = true
	}
	named := vectorRules(t)
	for _, b := range loadBusted(t) {
		for _, rule := range b.Rules {
			named[rule]++
		}
	}
	for _, rule := range slices.Sorted(maps.Keys(named)) {
		if !known[rule] {
			t.Errorf("%s is named by a vector and not by %s", rule, rulesDoc)
		}
	}
}

func TestEveryAdvisoryAndHostileOriginHasAVector(t *testing.T) {
	named := vectorRules(t)
	for _, row := range table(t, "Advisories") {
		if named[row[0]] == 0 {
			t.Errorf("advisory %s has no vector", row[0])
		}
	}
	for n := range 31 {
		if name := fmt.Sprintf("O%d", n+1); named[name] == 0 {
			t.Errorf("hostile origin %s has no vector", name)
		}
	}
}

// TestEveryReasonHasAVector and a line of documentation.
func TestEveryReasonHasAVector(t *testing.T) {
	// An operator's flag chooses the first; the others are failures of ours.
	notByDocument := []policy.Reason{
		policy.TenantForwarded,
		policy.StoreUnavailable, policy.PolicyUnreadable, policy.HostConflict, policy.Panic, policy.Overload,
	}
	seen := map[string]int{}
	for _, f := range loadVectors(t) {
		for _, c := range f.Cases {
			seen[c.Want.Reason]++
		}
	}
	var documented []string
	for _, row := range table(t, "Reasons") {
		documented = append(documented, strings.Trim(row[0], "`"))
	}
	var all []string
	for r := range policy.Reasons() {
		all = append(all, r.String())
		if listed := slices.Contains(notByDocument, r); listed != (seen[r.String()] == 0) {
			t.Errorf("%s: %d vectors, listed as without: %v", r, seen[r.String()], listed)
		}
	}
	if !slices.Equal(all, documented) {
		t.Errorf("%s lists the reasons %v, want them in the order of the enumeration: %v", rulesDoc, documented, all)
	}
}

// TestDesignDifferencesAreDocumented: the page lists each reason of an override, and the
// files that have it, and no others.
func TestDesignDifferencesAreDocumented(t *testing.T) {
	want := map[string]bool{}
	for _, f := range loadVectors(t) {
		for _, c := range f.Cases {
			for design, o := range c.In {
				want[strings.ToUpper(design)+": "+o.Why+": "+f.Name] = true
			}
		}
	}
	for _, row := range table(t, "What the designs do differently") {
		for file := range strings.SplitSeq(row[2], ", ") {
			key := row[0] + ": " + row[1] + ": " + strings.Trim(file, "`")
			if !want[key] {
				t.Errorf("documented, but no vector says so: %s", key)
			}
			delete(want, key)
		}
	}
	for key := range want {
		t.Errorf("not documented: %s", key)
	}
}
