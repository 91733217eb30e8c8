package files

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
	"os"

	"google.golang.org/protobuf/proto"

	"github.com/corsgate/corsgate/policy"
	"github.com/corsgate/corsgate/tenant"
	"github.com/corsgate/corsgate/tenant/document"
)

// version is what one content of a file says. Its documents do not change.
type version struct {
	content
	documents []entry
	problems  document.Problems
	// anonymous: the id of a document cannot be read, or there is no document at all.
	anonymous bool
	// partial: it may be the beginning of a longer text.
	partial bool
}

// entry is what a file says of one tenant.
type entry struct {
	// id of the tenant. A document whose id cannot be read, but whose hosts can, has one that no tenant has.
	id     string
	record *tenant.Record
	err    error
	sum    uint64
	bytes  int
}

// decode reads the documents of a file. The good ones come a second time, with all that they say.
func decode(name string, c *content) (*version, []*document.Document) {
	good, broken, problems := document.Decode(name, c.data)
	v := &version{content: *c, problems: problems, documents: make([]entry, 0, len(good)+len(broken))}
	v.data = nil
	for _, d := range good {
		text, err := proto.MarshalOptions{Deterministic: true}.Marshal(d.Tenant)
		v.documents = append(v.documents, entry{
			id: d.Record.ID(), record: d.Record, sum: checksum(name, string(text)), bytes: len(text),
		})
		if err != nil { // nothing that was read is known to be impossible to write
			last := &v.documents[len(v.documents)-1]
			last.err, last.record = err, tenant.Closed(last.id, last.record)
		}
	}
	wrong := make(map[int]document.Problems) // :: document → its problems
	for _, p := range problems {
		wrong[p.Document] = append(wrong[p.Document], p)
		v.anonymous = v.anonymous || p.Tenant == ""
	}
	for _, r := range broken {
		at := r.Source().Document
		d := entry{id: r.ID(), record: r, err: brief(wrong[at])}
		if d.id == "" {
			d.id = fmt.Sprintf("%s#%d", name, at)
			d.record = tenant.Closed(d.id, r)
		}
		d.sum = checksum(append([]string{name, d.err.Error()}, r.Hosts()...)...)
		v.documents = append(v.documents, d)
	}
	if len(v.documents) == 0 && len(problems) == 0 {
		v.anonymous = true
		v.problems = document.Problems{problem(name, CodeEmpty, "the file holds no document", "remove the file")}
	}
	return v, good
}

// brief is the first of problems as an error: there may be thousands, and they are told elsewhere.
func brief(problems document.Problems) error {
	if len(problems) < 2 {
		return problems.Err()
	}
	return fmt.Errorf("%w (and %d more problems)", problems[:1], len(problems)-1)
}

// checksum tells texts apart; it is never 0.
func checksum(parts ...string) uint64 {
	h := fnv.New64a()
	for _, part := range parts {
		_ = binary.Write(h, binary.LittleEndian, int64(len(part))) // a hash takes everything
		_, _ = h.Write([]byte(part))
	}
	return h.Sum64() | 1
}

// problem is one with a file as a whole.
func problem(file string, code policy.Code, detail, fix string) document.Problem {
	return document.Problem{File: file, Problem: policy.Problem{Code: code, Detail: detail, Fix: fix}}
}

// unreadable is the problem of a file that could not be read.
func unreadable(name string, err error) document.Problem {
	if pathErr, ok := errors.AsType[*os.PathError](err); ok {
		err = pathErr.Err
	}
	return problem(name, CodeFile, "the file cannot be read: "+err.Error(), "")
}
