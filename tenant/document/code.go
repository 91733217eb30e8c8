package document

import "github.com/corsgate/corsgate/policy"

// What is wrong with the text of a document. Codes of policies are package policy's.
const (
	// CodeTooLarge is a document of more than [MaxDocumentBytes].
	CodeTooLarge policy.Code = "document_too_large"
	// CodeEncoding is text that is not UTF-8.
	CodeEncoding policy.Code = "document_encoding"
	// CodeSyntax is text that is neither YAML nor JSON.
	CodeSyntax policy.Code = "document_syntax"
	// CodeNotMapping is YAML that is no mapping of fields.
	CodeNotMapping policy.Code = "document_not_mapping"
	// CodeProblems stands for all problems beyond the first 10,000 of a document.
	CodeProblems policy.Code = "document_problems"
	// CodeReference is an anchor, an alias or a merge key.
	CodeReference policy.Code = "document_reference"
	// CodeTag is an explicit YAML tag.
	CodeTag policy.Code = "document_tag"
)

// What is wrong with a field.
const (
	// CodeKey is a key that is no name.
	CodeKey policy.Code = "field_key"
	// CodeUnknownField is a name that no field has.
	CodeUnknownField policy.Code = "field_unknown"
	// CodeDuplicate is a field, or a value of a set, that is there twice.
	CodeDuplicate policy.Code = "field_duplicate"
	// CodeType is a value of another type than the field's.
	CodeType policy.Code = "field_type"
	// CodeRequired is a field that must be there and is not.
	CodeRequired policy.Code = "field_required"
	// CodeFormat is text with characters or a form that the field does not allow.
	CodeFormat policy.Code = "field_format"
	// CodeTooMany is a list or map beyond its limit.
	CodeTooMany policy.Code = "field_too_many"
	// CodeTooLong is text beyond its limit.
	CodeTooLong policy.Code = "field_too_long"
	// CodeRange is a number or a duration outside its range.
	CodeRange policy.Code = "field_range"
)

// What is wrong with a tenant.
const (
	// CodeDeleted is the tombstone of a deleted tenant where a document belongs.
	CodeDeleted policy.Code = "tenant_deleted"
	// CodeIDMismatch is a stored document with another id than the one it is stored under.
	CodeIDMismatch policy.Code = "id_mismatch"
	// CodeIDTaken is an id that an earlier document has.
	CodeIDTaken policy.Code = "id_taken"
	// CodeHost is an entry of hosts that is neither a host nor a wildcard.
	CodeHost policy.Code = "host_malformed"
	// CodeHostRepeated is a host that the document has twice.
	CodeHostRepeated policy.Code = "host_repeated"
	// CodeHostTaken is a host that belongs to another tenant.
	CodeHostTaken policy.Code = "host_taken"
	// CodePath is a path_prefix that is not canonical (rule 27).
	CodePath policy.Code = "path_malformed"
	// CodePathRepeated is a path_prefix that an earlier route has.
	CodePathRepeated policy.Code = "path_repeated"
)

// What is legal and worth a look: see [Document.Advise].
const (
	// CodeMode is a mode that leaves the application's CORS headers alone.
	CodeMode policy.Code = "tenant_mode"
	// CodeNoHosts is a tenant that is only found by its id.
	CodeNoHosts policy.Code = "tenant_no_hosts"
	// CodeHostDefault is the default tenant.
	CodeHostDefault policy.Code = "host_default"
	// CodeExpired is a temporary origin that has ended.
	CodeExpired policy.Code = "origin_expired"
	// CodeDebug is a debug window of rule 56.
	CodeDebug policy.Code = "preflight_debug"
)
