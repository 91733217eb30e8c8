package policy

// about is what there is to say about a reason.
type about struct{ name, rule, text string }

// about looks r up: first the reasons that let requests pass, then those that do not.
func (r Reason) about() about {
	switch r {
	case NoOrigin:
		return about{"no_origin", "rule 1", "the request has no Origin, so it is not a CORS request"}
	case MethodExempt:
		return about{"method_exempt", "rule 10", "CONNECT and TRACE pass untouched"}
	case RequestUnseen:
		return about{"request_unseen", "rule 69", "the request of this response was never seen, so only Vary is kept right"}
	case TenantOff:
		return about{"tenant_off", "rule 28", "the tenant is switched off: nothing is touched"}
	case TenantForwarded:
		return about{"tenant_forwarded", "rule 28", "no tenant has this host, and the operator chose to pass such requests on"}
	case WebSocketIgnored:
		return about{"websocket_ignored", "rule 9", "the policy leaves websockets alone"}
	case OriginSame:
		return about{"origin_same", "rule 7", "the origin is the request's own, so nothing needs to be granted"}
	case OriginPublic:
		return about{"origin_public", "rule 45", "the policy allows every origin, without credentials"}
	case OriginListed:
		return about{"origin_listed", "rule 30", "the origin is listed"}
	case OriginPattern:
		return about{"origin_pattern", "rule 31", "a wildcard entry covers the origin"}
	case OriginTemporary:
		return about{"origin_temporary", "rule 36", "a temporary entry that has not ended covers the origin"}
	default:
		return r.aboutRefusal()
	}
}

func (r Reason) aboutRefusal() about {
	switch r {
	case OriginMultiple:
		return about{"origin_multiple", "rule 11", "the Origin header holds more than one value"}
	case OriginMalformed:
		return about{"origin_malformed", "rule 12", "the Origin header is not what a browser sends"}
	case OriginNull:
		return about{"origin_null", "rule 20", "null is everybody's sandboxed frame, local file or redirect"}
	case OriginNotListed:
		return about{"origin_not_listed", "rule 30", "no entry covers the origin"}
	case MethodMalformed:
		return about{"method_malformed", "rule 39", "the requested method is not one token"}
	case MethodForbidden:
		return about{"method_forbidden", "rule 39", "scripts can never use this method"}
	case MethodNotListed:
		return about{"method_not_listed", "rule 37", "the policy does not list the requested method"}
	case HeadersMalformed:
		return about{"headers_malformed", "rule 43", "a requested header is not a header name"}
	case HeadersOversize:
		return about{"headers_oversize", "rule 43", "more headers are requested than any script sends"}
	case HeadersNotListed:
		return about{"headers_not_listed", "rule 44", "the policy does not list a requested header"}
	case PathAmbiguous:
		return about{"path_ambiguous", "rule 27a", "the path can be read as one of another route"}
	case TenantUnknown:
		return about{"tenant_unknown", "rule 28", "no tenant has this host"}
	case TenantAmbiguous:
		return about{"tenant_ambiguous", "rule 26", "the authority does not name one host"}
	case StoreUnavailable:
		return about{"store_unavailable", "rule 76", "the registry cannot be asked and nothing is left to answer from"}
	case PolicyUnreadable:
		return about{"policy_unreadable", "rule 74", "the tenant's document cannot be used"}
	case HostConflict:
		return about{"host_conflict", "rule 26a", "two tenants list this host, and neither held it before, so no tenant has it"}
	case Panic:
		return about{"panic", "rule 76", "the decision failed unexpectedly"}
	case Overload:
		return about{"overload", "rule 76", "too many requests are in flight"}
	default:
		return about{name: "invalid"}
	}
}
