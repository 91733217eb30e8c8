package store

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/corsgate/corsgate/tenant"
	"github.com/corsgate/corsgate/tenant/document"
)

const (
	// MaxBy bounds [Author.By], in characters.
	MaxBy = 256
	// MaxReason bounds [Author.Reason], in characters.
	MaxReason = 1024
	// maxHostBytes bounds a host: 253 bytes of a name, and a wildcard.
	maxHostBytes = 256
)

// kindForm is what a kind of change looks like.
var kindForm = regexp.MustCompile(`^[a-z][a-z_-]{0,31}$`)

// Check returns all that is wrong with an author, nil if nothing is.
func (a Author) Check() error {
	var problems []error
	if a.By == "" {
		problems = append(problems, errors.New("the change needs an author"))
	}
	for _, f := range []struct {
		name, text string
		most       int
	}{{"author", a.By, MaxBy}, {"reason", a.Reason, MaxReason}} {
		switch {
		case !isPrintable(f.text):
			problems = append(problems, fmt.Errorf("the %s %.80q has characters that cannot be printed; remove them", f.name, f.text))
		case utf8.RuneCountInString(f.text) > f.most:
			problems = append(problems, fmt.Errorf("the %s has more than %d characters; shorten it", f.name, f.most))
		}
	}
	if a.Kind != "" && !kindForm.MatchString(a.Kind) {
		problems = append(problems, fmt.Errorf("%.80q is no kind of change; write a word in lower case, for example %s", a.Kind, KindApply))
	}
	return errors.Join(problems...)
}

func isPrintable(text string) bool {
	return utf8.ValidString(text) && !strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) })
}

// checkEdits returns all that is wrong with edits, whatever is stored: too many, and ids and hosts that cannot be
// part of a key. Whoever makes an edit has validated the rest of its document.
func checkEdits(edits []Edit) error {
	if len(edits) > MaxEdits {
		return fmt.Errorf("%d edits at once; make at most %d", len(edits), MaxEdits)
	}
	var problems []error
	seen := make(map[string]bool, len(edits))
	for _, e := range edits {
		switch {
		case !tenant.ValidID(e.ID):
			problems = append(problems, fmt.Errorf("%.80q cannot be the id of a tenant", e.ID))
			continue
		case seen[e.ID]:
			problems = append(problems, fmt.Errorf("tenant %s is edited twice; make one edit of it", e.ID))
		}
		seen[e.ID] = true
		if e.Tenant != nil {
			problems = append(problems, checkDocument(e))
		}
	}
	return errors.Join(problems...)
}

// checkDocument returns what is wrong with the id and the hosts of a document.
func checkDocument(e Edit) error {
	var problems []error
	if id := e.Tenant.GetId(); id != e.ID {
		problems = append(problems, fmt.Errorf("tenant %s: the document is of tenant %.80q", e.ID, id))
	}
	if e.Tenant.GetDeleted() {
		problems = append(problems, fmt.Errorf("tenant %s: the document is a tombstone; to delete a tenant give no document", e.ID))
	}
	hosts := e.Tenant.GetHosts()
	if len(hosts) > document.MaxHosts {
		return errors.Join(append(problems, fmt.Errorf("tenant %s: %d hosts; at most %d", e.ID, len(hosts), document.MaxHosts))...)
	}
	seen := make(map[string]bool, len(hosts))
	for _, host := range hosts {
		switch canonical, ok := canonicalHost(host); {
		case !ok:
			problems = append(problems, fmt.Errorf("tenant %s: %.80q is no host", e.ID, host))
		case canonical != host:
			problems = append(problems, fmt.Errorf("tenant %s: the host %.80q is not in canonical form; write %s", e.ID, host, canonical))
		case seen[host]:
			problems = append(problems, fmt.Errorf("tenant %s: the host %s is listed twice", e.ID, host))
		}
		seen[host] = true
	}
	return errors.Join(problems...)
}

// canonicalHost is a host as it is in a key: an exact one, "*.base" or "*".
func canonicalHost(entry string) (string, bool) {
	if entry == "*" {
		return entry, true
	}
	host, isWildcard := strings.CutPrefix(entry, "*.")
	canonical, ok := tenant.NormalizeHost(host)
	if isWildcard {
		canonical = "*." + canonical
	}
	return canonical, ok && len(canonical) <= maxHostBytes
}
