package document

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
)

// plainDocuments are written as programs write them.
func plainDocuments(tb testing.TB) []string {
	tb.Helper()
	line, err := MarshalJSON(parse(tb, full).Tenant)
	if err != nil {
		tb.Fatal(err)
	}
	return []string{
		string(line),
		`{"id":"acme","policy":{}}`,
		`{"id": "acme", "hosts": [], "policy": {"origins": []}, "labels": {}}`,
		"{\n  \"id\" : \"acme\",\r\n\t\"policy\": {\n    \"origins\": [\n      \"https:\\/\\/a.example\"\n    ],\n    \"max_age\": \"0s\"\n  }\n}\n",
		`{"id":"acme","hosts":["A.example.","*.b.example","*","[::1]"],"policy":{"methods":["put"],"request_headers":["X-A","*"]},"revision":3}`,
		`{"id":"acme","policy":{},"updated_by":"J\u00fcrgen \"x\" \\ ü –","updated_at":"2026-11-23T09:00:00.123456+01:00"}`,
		`{"id":"acme","hosts":["a.example"],"deleted":true,"revision":"9","updated_at":"2026-11-23T09:00:00Z","updated_by":"x","reason":"gone"}`,
		`{"id":"acme","policy":{"origins":["https://a.example"],"dangerously_allow":["PUBLIC_SUFFIX_WILDCARDS","ANY_ORIGIN_WITH_CREDENTIALS"]},"deleted":false,"mode":"OFF"}`,
		`{"id":"acme","policy":{},"routes":[{"path_prefix":"/a","policy":{}},{"path_prefix":"/a/b","policy":{"origins":["*"]}}],"candidate":{"percent":0,"policy":{}}}`,
	}
}

func TestPlainDocumentsAreReadQuickly(t *testing.T) {
	for _, text := range plainDocuments(t) {
		if parsePlain("acme", []byte(text)) == nil {
			t.Errorf("not plain: %s", text)
		}
		comparePlain(t, []byte(text))
	}
}

// comparePlain holds what parsePlain promises.
func comparePlain(t *testing.T, data []byte) (accepted bool) {
	t.Helper()
	before := bytes.Clone(data)
	quick := parsePlain("acme", data)
	if quick == nil {
		return false
	}
	thorough := parseThorough("acme", data)
	if thorough.Problems != nil || !reflect.DeepEqual(quick, thorough.Record) {
		t.Errorf("%q is read as\n%+v, thoroughly as\n%+v %v", data, quick, thorough.Record, thorough.Problems)
	}
	if !bytes.Equal(before, data) {
		t.Errorf("the text was changed to %q", data)
	}
	return true
}

// oddities are pieces that make a document wrong, unusual or another one.
func oddities() []string {
	return []string{
		"", " ", "\t", "\n", "\r", "\u00a0", "\ufeff", "\u2028", "\u0085", "\x00", "\x7f", "\xff", "#", "# x\n", "---\n", "...\n", "&a ", "*a", "!!str ", "'", "\"", `\"`,
		`\u0041`, `\u0000`, `\ud83d\ude00`, `\ud83d`, `\u2028`, `\u007f`, `\n`, `\/`, `\x41`, `\a`, "{", "}", "[", "]", ",", ":", ",,", "{}", "[]", "null", "~", "true", "True", "false",
		"yes", "0", "-0", "1", "01", "1.0", "1e2", "200", "204", "403", "0x10", "1_0", "9223372036854775807", "9223372036854775808", `""`, `"*"`, `"x"`, `"1"`, `"01"`, `"-1"`, `"1s"`,
		`"01s"`, `"1.5s"`, `"+1s"`, `"600s"`, `"86400s"`, `"86401s"`, `"2592000s"`, `"2592001s"`, `"299s"`, `"300s"`, `"2027-01-31T00:00:00Z"`, `"2027-02-30T00:00:00Z"`, `"2027-01-31T24:00:00Z"`,
		`"2027-01-31 00:00:00Z"`, `"2027-1-31T00:00:00Z"`, `"0001-01-01T00:00:00Z"`, `"9999-12-31T23:59:59Z"`, `"2027-01-31T00:00:00.1234567891Z"`, `"2027-01-31T00:00:00,5Z"`,
		`"2027-01-31t00:00:00z"`, `"2027-01-31T00:00:60Z"`, `"2027-01-31T0:00:00Z"`, `"2027-01-31T00:00:00+24:00"`, `"ENFORCE"`, `"SHADOW"`, `"shadow"`, `"MODE_UNSPECIFIED"`, `"id":"acme",`, `"id":"b"`, `"policy":{},`,
		`"deleted":true,`, `"maxStale":"600s",`, `"max_stale":"600s",`, `"mode":2,`, `"x":1,`, `"labels":{"a":"b"},`, `"labels":{"A":"b"},`, `"labels":{"a":"` + strings.Repeat("x", 129) + `"},`,
		`"reason":"` + strings.Repeat("ü", 1024) + `",`, `"reason":"` + strings.Repeat("ü", 1025) + `",`, `"hosts":["a.example","A.example"],`, `"hosts":["a.example:80"],`, `"hosts":["ü.example"],`, `"hosts":["*.1.2.3.4"],`,
		`"origins":["https://a.example","https://a.example"],`, `"origins":["https://A.example"],`, `"origins":["null"],`, `"methods":["TRACE"],`, `"methods":["GET","get"],`, `"credentials":true,`,
		`"routes":[{"path_prefix":"/","policy":{}},{"path_prefix":"/","policy":{}}],`, `"routes":[{"path_prefix":"a","policy":{}}],`, `"routes":[{"policy":{}}],`, `"routes":[{"path_prefix":"/"}],`,
		`"candidate":{},`, `"candidate":{"policy":{},"percent":100},`, `"candidate":{"policy":{},"percent":101},`, `"preflight":{},`, `"preflight":{"success_status":201},`, `"max_age":"86401s",`,
		`"temporary_origins":[{"origin":"https://t.example","expires_at":"2027-01-31T00:00:00Z"}],`, `"temporary_origins":[{"origin":"https://t.example"}],`, `"dangerously_allow":["PUBLIC_SUFFIX_WILDCARDS","PUBLIC_SUFFIX_WILDCARDS"],`,
		`"dangerously_allow":["DANGER_UNSPECIFIED"],`,
	}
}

// mutate changes text in a place or two: adds a member, replaces a value or a token, or
// does something to any byte.
func mutate(random *rand.Rand, text string) string {
	const marks = `{}[],:"`
	odd := oddities()
	places := func(marks string) int {
		var at []int
		for i := range len(text) {
			if strings.IndexByte(marks, text[i]) >= 0 {
				at = append(at, i+1)
			}
		}
		return at[random.IntN(len(at))]
	}
	for range 1 + random.IntN(2) {
		at := random.IntN(len(text))
		if !strings.Contains(text, "{") || !strings.Contains(text, ":") {
			return text
		}
		var end int
		switch random.IntN(6) {
		case 0, 1:
			at = places("{")
			end = at
		case 2, 3:
			at = places(":")
			if end = at; at < len(text) && text[at] == '"' {
				end++
			}
			end += max(0, strings.IndexAny(text[end:], `{}[],"`))
			if end < len(text) && text[end] == '"' {
				end++
			}
		case 4:
			at = places(marks) - random.IntN(2)
			end = at + max(0, strings.IndexAny(text[at:], marks))
		default:
			end = at + random.IntN(2)
		}
		text = text[:at] + odd[random.IntN(len(odd))] + text[end:]
	}
	return text
}

func TestPlainAgreesWithThorough(t *testing.T) {
	seeds := plainDocuments(t)
	random := rand.New(rand.NewPCG(7, 11))
	accepted := 0
	for i := range 30_000 {
		if comparePlain(t, []byte(mutate(random, seeds[i%len(seeds)]))) {
			accepted++
		}
		if t.Failed() {
			return
		}
	}
	if accepted < 500 {
		t.Errorf("only %d documents were plain", accepted)
	}
}

func TestPlainReadsCharactersAsThoroughDoes(t *testing.T) {
	accepted := 0
	for _, span := range [][2]rune{{0, 0x120}, {0x2000, 0x2070}, {0xd7fe, 0xe002}, {0xfef0, 0xff02}, {0xfff0, 0x10010}, {0x10fff0, 0x10ffff}} {
		for r := span[0]; r <= span[1]; r++ {
			for _, text := range []string{string(r), fmt.Sprintf(`\u%04x`, r)} {
				if comparePlain(t, fmt.Appendf(nil, `{"id":"acme","policy":{},"reason":"a%sb","labels":{"a":"%s"}}`, text, text)) {
					accepted++
				}
				if comparePlain(t, fmt.Appendf(nil, `{"id":"acme","policy":{},"reason":"a%sb"}`, text)) {
					accepted++
				}
			}
		}
	}
	if accepted < 900 {
		t.Errorf("only %d documents were plain", accepted)
	}
}

func FuzzParsePlain(f *testing.F) {
	for _, text := range plainDocuments(f) {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, data []byte) { comparePlain(t, data) })
}
