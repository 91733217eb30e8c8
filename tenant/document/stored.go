package document

import (
	"bytes"
	"errors"
	"fmt"
	"sync"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/corsgate/corsgate/policy"
	tenantv1 "github.com/corsgate/corsgate/proto/corsgate/tenant/v1"
	"github.com/corsgate/corsgate/tenant"
)

// Stored is one document of a store, read: see [ParseStored].
type Stored struct {
	// Record is the document compiled. A tombstone, and a document with problems whose hosts
	// could be read, have a Record without a policy, which keeps their hosts from falling
	// to the default tenant. Nil when nothing could be read.
	Record *tenant.Record
	// Problems is all that is wrong with the document. It is nil for a tombstone.
	Problems Problems
}

// ParseStored reads what a store holds under id: one document, with the
// fields that a registry writes, or a tombstone. A document of another id is a problem.
// The record keeps no memory of data. Problems have "tenant:" and the id for a file.
func ParseStored(id string, data []byte) Stored {
	if !tenant.ValidID(id) {
		return Stored{Problems: Problems{{Problem: policy.Problem{
			Value: cut(id, maxValue), Code: CodeFormat, Detail: "this cannot be the id of a tenant",
		}}}}
	}
	if r := parsePlain(id, data); r != nil {
		return Stored{Record: r}
	}
	return parseThorough(id, data)
}

// parseThorough reads a stored document as a file is read, to the last problem.
func parseThorough(id string, data []byte) Stored {
	file := "tenant:" + id
	var only *text
	n := 0
	for t := range documents(file, data) {
		if !t.blank() {
			only = t
			n++
		}
	}
	if n != 1 {
		return Stored{Problems: Problems{{File: file, Tenant: id, Problem: policy.Problem{
			Code: CodeSyntax, Detail: fmt.Sprintf("holds %d documents; one belongs here", n),
		}}}}
	}
	only.key = id
	_, record, problems := decode(only)
	return Stored{Record: record, Problems: problems}
}

// parsePlain reads a stored document in the form in which programs write it: JSON, without a
// problem. For anything else it gives nil, and [parseThorough] has to say what it is. What
// it accepts, parseThorough accepts with an equal record, many times slower; a start
// from a store of many thousand tenants cannot wait for that.
func parsePlain(id string, data []byte) *tenant.Record {
	m := &tenantv1.Tenant{}
	if len(data) > MaxDocumentBytes || bytes.Count(data, []byte(",")) > maxNested || // each value of a list costs a comma
		!bytes.HasPrefix(data, []byte("{")) || !plainText(data) || json.Unmarshal(data, m, plainOptions()) != nil {
		return nil
	}
	if _, record, problems := build(&collector{doc: &text{key: id, data: data}, id: id}, m); problems == nil {
		return record
	}
	return nil
}

// plainText reports whether data, if it is JSON, is YAML that says the same. YAML ends a key at the end of its line, and
// knows more characters that end a line, or that may not stand in a document, than JSON does. A null, which is
// no value of any field, is JSON for none.
func plainText(data []byte) bool {
	for i, c := range data {
		switch {
		case c >= 0x7f:
			if r, _ := utf8.DecodeRune(data[i:]); utf8.RuneStart(c) && unusual(r) {
				return false
			}
		case c == ':':
			if before := bytes.TrimRight(data[:i], " "); len(before) > 0 && before[len(before)-1] < ' ' {
				return false
			}
		}
	}
	return !bytes.Contains(data, []byte("null"))
}

// unusual reports whether r is no character of a line of YAML although JSON takes it for one.
func unusual(r rune) bool {
	switch r {
	case utf8.RuneError, 0x2028, 0x2029, 0xfeff, 0xfffe, 0xffff:
		return true
	}
	return r >= 0x7f && r < 0xa0
}

// plainOptions make the JSON library read the messages of tenant.proto, whose generated types name their fields for
// it: each name once, no other names, no other types.
var plainOptions = sync.OnceValue(func() json.Options { //nolint:gochecknoglobals // never changed; the library keeps what it learns of types in it
	return json.JoinOptions(json.RejectUnknownMembers(true), json.WithUnmarshalers(json.JoinUnmarshalers(
		json.UnmarshalFromFunc(func(d *jsontext.Decoder, v *int32) error {
			n, err := plainNumber(d, 32)
			*v = int32(n)
			return err
		}),
		json.UnmarshalFromFunc(func(d *jsontext.Decoder, v *int64) (err error) {
			*v, err = plainNumber(d, 64)
			return err
		}),
		json.UnmarshalFromFunc(func(d *jsontext.Decoder, v *durationpb.Duration) error { return plainString(d, v) }),
		json.UnmarshalFromFunc(func(d *jsontext.Decoder, v *timestamppb.Timestamp) error { return plainString(d, v) }),
		plainEnum[tenantv1.Tenant_Mode](tenantv1.Tenant_Mode_value),
		plainEnum[tenantv1.Policy_UpstreamHeaders](tenantv1.Policy_UpstreamHeaders_value),
		plainEnum[tenantv1.Policy_DeniedRequests](tenantv1.Policy_DeniedRequests_value),
		plainEnum[tenantv1.Policy_Websockets](tenantv1.Policy_Websockets_value),
		plainEnum[tenantv1.Policy_Danger](tenantv1.Policy_Danger_value),
		plainEnum[tenantv1.Preflight_Disclosure](tenantv1.Preflight_Disclosure_value),
	)))
})

// plainNumber reads a decimal number; one of 64 bits may be a string, as the protobuf JSON mapping writes it.
func plainNumber(d *jsontext.Decoder, bits int) (int64, error) {
	token, err := d.ReadToken()
	if err != nil {
		return 0, err //nolint:wrapcheck // nobody sees it
	}
	n, ok := decimal(token.String(), bits)
	if kind := token.Kind(); !ok || kind != '0' && (kind != '"' || bits != 64) {
		return 0, errNotPlain
	}
	return n, nil
}

// plainString reads a message that the JSON mapping writes as one string.
func plainString(d *jsontext.Decoder, m proto.Message) error {
	token, err := d.ReadToken()
	if err == nil && (token.Kind() != '"' || !unmarshalString(token.String(), m)) {
		err = errNotPlain
	}
	return err //nolint:wrapcheck // nobody sees it
}

// plainEnum reads the name of a value of an enumeration, except of the value 0.
func plainEnum[E ~int32](values map[string]int32) *json.Unmarshalers {
	return json.UnmarshalFromFunc(func(d *jsontext.Decoder, v *E) error {
		token, err := d.ReadToken()
		if err != nil {
			return err //nolint:wrapcheck // nobody sees it
		}
		if *v = E(values[token.String()]); token.Kind() != '"' || *v == 0 {
			return errNotPlain
		}
		return nil
	})
}

// errNotPlain is why a document has to be read thoroughly.
var errNotPlain = errors.New("not in the form in which programs write it")
