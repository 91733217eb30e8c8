package vectors

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/corsgate/corsgate/policy"
)

// Response is what the client sees of d: its own reply, or the response of app with
// its edits.
func Response(d *policy.Decision, app App) (status int, headers [][2]string) {
	if d.Answered() {
		status, reply := d.AppendReply(nil)
		return status, Lines(reply)
	}
	var edits policy.Edits
	up := app.Upstream()
	d.AppendEdits(&edits, &up)
	return app.Status, Final(app, &edits)
}

// Final is the application's response headers after edits: removals first, then
// sets, each of which replaces every line of its name.
func Final(app App, edits *policy.Edits) [][2]string {
	gone := map[string]bool{}
	for _, name := range edits.Remove {
		gone[name] = true
	}
	for _, h := range edits.Set {
		gone[h.Name] = true
	}
	var final [][2]string
	for _, h := range app.Headers {
		if !gone[strings.ToLower(h[0])] {
			final = append(final, h)
		}
	}
	return append(final, Lines(edits.Set)...)
}

// Lines turns headers of policy into lines for [Compare].
func Lines(headers []policy.Header) [][2]string {
	var lines [][2]string
	for _, h := range headers {
		lines = append(lines, [2]string{h.Name, h.Value})
	}
	return lines
}

// Compare says how a response differs from want, one difference a line; "" when it
// does not. Only headers that start with access-control-, vary and
// timing-allow-origin count. Lines of one name are joined by ", " (so a second
// line is a difference), list elements are trimmed and compared in order, those
// of Vary without regard to case.
func Compare(want Want, status int, headers [][2]string) string {
	var diff []string
	if status != want.Status {
		diff = append(diff, fmt.Sprintf("status: got %d, want %d", status, want.Status))
	}
	got := map[string]string{}
	for _, h := range headers {
		name := strings.ToLower(h[0])
		if compared(name) {
			got[name] = joined(headers, name, ", ")
		}
	}
	names := maps.Clone(got)
	maps.Copy(names, want.Headers)
	for _, name := range slices.Sorted(maps.Keys(names)) {
		g, sent := got[name]
		w, wanted := want.Headers[name]
		switch {
		case !sent:
			diff = append(diff, fmt.Sprintf("%s: missing, want %q", name, w))
		case !wanted:
			diff = append(diff, fmt.Sprintf("%s: got %q, want none", name, g))
		case normal(name, g) != normal(name, w):
			diff = append(diff, fmt.Sprintf("%s: got %q, want %q", name, g, w))
		}
	}
	return strings.Join(diff, "\n")
}

func compared(name string) bool {
	return strings.HasPrefix(name, "access-control-") || name == "vary" || name == "timing-allow-origin"
}

// normal is a list value with single separators; that of Vary in lower case.
func normal(name, value string) string {
	elements := elements(value)
	if name == "vary" {
		return strings.ToLower(strings.Join(elements, ","))
	}
	return strings.Join(elements, ",")
}

func elements(value string) []string {
	var list []string
	for element := range strings.SplitSeq(value, ",") {
		list = append(list, strings.Trim(element, " \t"))
	}
	return list
}
