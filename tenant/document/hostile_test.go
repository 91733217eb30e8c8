package document

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"
)

// hostile are documents of about the size limit, each made to cost as much as it can.
func hostile() map[string]string {
	const size = MaxDocumentBytes - 256
	fill := func(before, unit, after string) string { return before + strings.Repeat(unit, size/len(unit)) + after }
	count := func(before, format, after string) string {
		var b strings.Builder
		b.WriteString(before)
		for i := 0; b.Len() < size; i++ {
			fmt.Fprintf(&b, format, i)
		}
		return b.String() + after
	}
	temporaries := "policy: {temporary_origins: [" + strings.Repeat("{},", MaxOrigins) + "]}"
	var routes strings.Builder
	routes.WriteString("id: a\npolicy: {}\nroutes:\n")
	for routes.Len()+len(temporaries)+32 < size {
		routes.WriteString("- {path_prefix: /, " + temporaries + "}\n")
	}
	return map[string]string{
		"asterisks on one line":        fill("id: a\nx: [", "*", "\n"),
		"unquoted entries":             fill("id: a\nx:\n", "- *a\n", ""),
		"dots in a label":              fill("id: a\npolicy: {}\nlabels: {\"", ".", "\": x}"),
		"unknown fields":               count("", "a%x: 1\n", ""),
		"unknown fields in many lists": fill("id: a\npolicy: {}\nroutes: [", "{a: b},", "]"),
		"escapes in JSON":              fill(`{"id":"a","policy":{"origins":[`, `"\/",`, `"x"]}}`),
		"escapes in one JSON string":   fill(`{"id":"a","policy":5,"reason":"`, `\/`, `"}`),
		"routes in JSON":               fill(`{"id":"a","policy":{},"routes":[`, `{},`, `{}]}`),
		"origins in JSON":              fill(`{"id":"a","policy":{"origins":[`, `"",`, `""]}}`),
		"labels":                       count("id: a\npolicy: {}\nlabels: {", "%x: 1, ", "}"),
		"hosts":                        fill("id: a\npolicy: {}\nhosts: [", "A:,", "]"),
		"origins":                      fill("id: a\npolicy: {origins: [", "x,", "]}"),
		"temporary origins":            routes.String(),
		"anchors":                      fill("id: a\nx: [", "&a a, ", "]"),
		"open mappings":                fill("", "{a: ", ""),
		"open lists":                   fill("", "- ", ""),
		"comments":                     fill("id: a\npolicy: {} ", "#c\n", ""),
		"long id":                      fill("id: ", "a", "\npolicy: {}"),
		"long prefix":                  fill("id: a\npolicy: {}\nroutes: [{policy: {}, path_prefix: \"", "a/", "\"}]"),
		"long alias":                   fill("id: a\nx: *", "b", "\n"),
	}
}

func TestHostileDocumentsCostBoundedWork(t *testing.T) {
	const (
		memory = 512 << 20 // allocated in sum, most of it garbage at once
		wall   = 10 * time.Second
	)
	for name, text := range hostile() {
		t.Run(name, func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			begin := time.Now()
			_, _, problems := Decode("hostile.yaml", []byte(text))
			ParseStored("a", []byte(text))
			took := time.Since(begin)
			runtime.ReadMemStats(&after)
			if sum := after.TotalAlloc - before.TotalAlloc; sum > memory || took > wall {
				t.Errorf("fault F91: %d bytes took %v and %d MiB", len(text), took, sum>>20)
			}
			if len(problems) > maxProblems+1 {
				t.Errorf("fault F91: %d problems", len(problems))
			}
			checkProblems(t, problems)
		})
	}
}

// checkProblems makes sure that problems can be shown: in place, bounded, on one line.
func checkProblems(t *testing.T, problems Problems) {
	t.Helper()
	for i := range problems {
		p := &problems[i]
		text := p.String()
		if p.Line < 1 || p.Column < 1 || p.Code == "" || p.Detail == "" || len(text) > 4096 {
			t.Fatalf("a problem without place, code or detail, or of %d bytes: %.4096s", len(text), text)
		}
		if strings.ContainsFunc(text, func(c rune) bool { return c < ' ' || c == 0x7f }) {
			t.Fatalf("a problem with control characters: %q", text)
		}
	}
}

func TestProblemsBeyondTheLimitAreSaidToBeThere(t *testing.T) {
	_, _, problems := Decode("", []byte("id: a\npolicy: {temporary_origins: ["+strings.Repeat("{},", MaxOrigins)+"]}\n"))
	if len(problems) != maxProblems+1 || problems[0].Code != CodeProblems {
		t.Errorf("%d problems, the first is %s; want %d and %s", len(problems), problems[0].Code, maxProblems+1, CodeProblems)
	}
}

func TestEveryOriginOfALargePolicyIsReported(t *testing.T) {
	_, _, problems := Decode("", []byte("id: a\npolicy: {origins: ["+strings.Repeat("x,", MaxOrigins)+"]}\n"))
	if len(problems) != MaxOrigins {
		t.Errorf("rule 74: %d problems, want one for each of %d origins", len(problems), MaxOrigins)
	}
}
