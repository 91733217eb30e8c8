package vectors

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Load reads every *.json file of dir, in the order of their names. It applies the
// defaults, expands header values, and refuses unknown fields, a file or case
// without a name, a name that is used twice, a host that two files claim, a case
// that names no rule, and an override without a reason. The error joins every
// problem of every file.
func Load(dir string) ([]File, error) {
	paths, err := listJSON(dir)
	if err != nil {
		return nil, fmt.Errorf("listing vectors: %w", err)
	}
	var files []File
	var problems []error
	owner := map[string]string{} // :: host → file
	for _, path := range paths {
		f, err := loadFile(path)
		if err != nil {
			problems = append(problems, fmt.Errorf("reading %s: %w", filepath.Base(path), err))
			continue
		}
		hosts, _ := f.Hosts()
		for _, host := range hosts {
			if other, taken := owner[host]; taken {
				problems = append(problems, fmt.Errorf("reading %s: host %s belongs to %s", filepath.Base(path), host, other))
			}
			owner[host] = f.Name
		}
		files = append(files, f)
	}
	return files, errors.Join(problems...)
}

// listJSON names the *.json files of dir in order. None at all is an error: a corpus that is
// not where it should be must not pass for one without mistakes.
func listJSON(dir string) ([]string, error) {
	paths, err := filepath.Glob(filepath.Join(dir, "*.json"))
	if err == nil && len(paths) == 0 {
		err = fmt.Errorf("no *.json in %s", dir)
	}
	return paths, err
}

// Groups sorts files into registries: all ordinary files together first, then each
// file that wants to be alone.
func Groups(files []File) [][]File {
	groups := [][]File{nil}
	for _, f := range files {
		if f.Alone != "" {
			groups = append(groups, []File{f})
			continue
		}
		groups[0] = append(groups[0], f)
	}
	return groups
}

// Hosts returns the hosts of the file's tenant, and false when it has no tenant.
func (f *File) Hosts() ([]string, bool) {
	doc, ok, err := f.document()
	return doc.Hosts, ok && err == nil
}

func loadFile(path string) (File, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return File{}, err
	}
	f := File{Name: strings.TrimSuffix(filepath.Base(path), ".json")}
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&f); err != nil {
		return File{}, err
	}
	if dec.More() {
		return File{}, errors.New("more than one document")
	}
	doc, _, err := f.document()
	if err != nil {
		return File{}, err
	}
	if len(f.Cases) == 0 {
		return File{}, errors.New("no cases")
	}
	var problems []error
	seen := map[string]bool{}
	for i := range f.Cases {
		c := &f.Cases[i]
		if seen[c.Name] {
			problems = append(problems, fmt.Errorf("case %q: the name is used twice", c.Name))
		}
		seen[c.Name] = true
		if err := c.complete(doc); err != nil {
			problems = append(problems, fmt.Errorf("case %q: %w", c.Name, err))
		}
	}
	return f, errors.Join(problems...)
}

// complete applies the defaults to c, expands its header values and checks it.
func (c *Case) complete(doc document) error {
	var problems []error
	if c.Name == "" {
		problems = append(problems, errors.New("no name"))
	}
	if len(c.Rules) == 0 {
		problems = append(problems, errors.New("names no rule"))
	}
	c.untouched = doc.ID == "" || doc.Mode == "OFF" || doc.Mode == "SHADOW"
	problems = append(problems, c.Request.complete(doc.Hosts))
	if c.App.Status == 0 {
		c.App.Status = 200
	}
	problems = append(problems, expandAll(c.App.Headers), c.Want.complete(c.App))
	for design, o := range c.In {
		problems = append(problems, o.check(design))
		if o.Want != nil {
			problems = append(problems, o.Want.complete(c.App))
		}
	}
	return errors.Join(problems...)
}

func (r *Request) complete(hosts []string) error {
	r.Method = orDefault(r.Method, "GET")
	r.Path = orDefault(r.Path, "/")
	r.Scheme = orDefault(r.Scheme, "http")
	if r.Scheme == "unknown" {
		r.Scheme = ""
	}
	var problems []error
	switch {
	case r.Authority == "empty":
		r.Authority = ""
	case r.Authority != "":
	case len(hosts) == 0 || strings.HasPrefix(hosts[0], "*"):
		problems = append(problems, errors.New("no authority, and the tenant's first host is not an exact one"))
	default:
		r.Authority = hosts[0]
	}
	if r.Now != "" {
		_, err := time.Parse(time.RFC3339, r.Now)
		problems = append(problems, err)
	}
	problems = append(problems, expandAll(r.Headers))
	return errors.Join(problems...)
}

// complete applies the default status and checks that w says what was decided and
// names only headers that [Compare] looks at.
func (w *Want) complete(app App) error {
	if w.Status == 0 {
		w.Status = app.Status
	}
	var problems []error
	if w.Kind == "" || w.Outcome == "" || w.Reason == "" {
		problems = append(problems, errors.New("want lacks kind, outcome or reason"))
	}
	for name := range w.Headers {
		if !compared(name) {
			problems = append(problems, fmt.Errorf("want names %q, which is never compared", name))
		}
	}
	return errors.Join(problems...)
}

func (o Override) check(design string) error {
	switch {
	case !slices.Contains([]string{"a", "b", "c"}, design):
		return fmt.Errorf("override for design %q, which does not exist", design)
	case o.Why == "":
		return fmt.Errorf("override for design %s does not say why", design)
	case o.Skip == (o.Want != nil):
		return fmt.Errorf("override for design %s must either skip or want", design)
	}
	return nil
}

func orDefault(s, def string) string {
	if s == "" {
		return def
	}
	return s
}

func expandAll(headers [][2]string) error {
	var problems []error
	for i := range headers {
		value, err := expand(headers[i][1])
		if err != nil {
			problems = append(problems, fmt.Errorf("header %s: %w", headers[i][0], err))
		}
		headers[i][1] = value
	}
	return errors.Join(problems...)
}

// expand takes away the prefixes of the package comment.
func expand(value string) (string, error) {
	if text, ok := strings.CutPrefix(value, "latin1:"); ok {
		var b strings.Builder
		for _, r := range text {
			if r > 0xFF {
				return "", fmt.Errorf("latin1: %q has no byte", r)
			}
			b.WriteByte(byte(r & 0xFF))
		}
		return b.String(), nil
	}
	text, ok := strings.CutPrefix(value, "expand:")
	if !ok {
		return value, nil
	}
	repeats := regexp.MustCompile(`\{([^{}]*)\*(\d{1,5})\}`)
	if !repeats.MatchString(text) {
		return "", errors.New("expand: nothing to expand")
	}
	return repeats.ReplaceAllStringFunc(text, func(m string) string {
		parts := repeats.FindStringSubmatch(m)
		count := 0
		for _, digit := range parts[2] {
			count = count*10 + int(digit-'0')
		}
		return strings.Repeat(parts[1], count)
	}), nil
}
