package document

// Limits of a tenant document. The same limits hold where documents are
// written and where they are loaded; those with a field are also written
// beside it in tenant.proto. Those of an id and a path_prefix are package tenant's.
const (
	// MaxDocumentBytes bounds the text of one document.
	MaxDocumentBytes = 1 << 20
	// MaxHosts bounds the hosts of one tenant.
	MaxHosts = 1000
	// MaxRoutes bounds the routes of one tenant, and of one candidate.
	MaxRoutes = 100
	// MaxOrigins bounds the origins, and the temporary origins, of one policy.
	MaxOrigins = 10_000
	// MaxMethods bounds the methods of one policy.
	MaxMethods = 100
	// MaxHeaderNames bounds the request headers, and the exposed headers, of one policy.
	MaxHeaderNames = 500
	// MaxLabels bounds the labels of one tenant.
	MaxLabels = 32
)
