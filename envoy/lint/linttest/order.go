package linttest

import (
	rulesv3 "github.com/envoyproxy/go-control-plane/envoy/config/common/mutation_rules/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	rbacconfigv3 "github.com/envoyproxy/go-control-plane/envoy/config/rbac/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	basicv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/basic_auth/v3"
	corsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/cors/v3"
	authzv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/ext_authz/v3"
	mutationv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/header_mutation/v3"
	jwtv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/jwt_authn/v3"
	limitv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/local_ratelimit/v3"
	luav3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/lua/v3"
	rbacv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/rbac/v3"
	hcmv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	earlyv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/http/early_header_mutation/header_mutation/v3"
	matcherv3 "github.com/envoyproxy/go-control-plane/envoy/type/matcher/v3"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"
)

func order() []spec {
	before := func(name string, config proto.Message) func(*editor) {
		return func(e *editor) { e.insert(2, e.extension(name, config)) }
	}
	return []spec{
		{rule: "preflight-after-auth", name: "jwt", edit: before("jwt", jwt(false))},
		{rule: "preflight-after-auth", name: "rbac", edit: before("rbac", &rbacv3.RBAC{Rules: &rbacconfigv3.RBAC{}})},
		{rule: "preflight-after-auth", name: "basic", edit: before("basic", &basicv3.BasicAuth{
			Users: &corev3.DataSource{Specifier: &corev3.DataSource_InlineString{InlineString: "u:{SHA}2kuSN7rMzfGcB2DKt67EqDWQELA="}},
		})},
		{rule: "preflight-after-auth", name: "ext_authz", edit: before("authz", &authzv3.ExtAuthz{
			Services: &authzv3.ExtAuthz_GrpcService{GrpcService: &corev3.GrpcService{
				TargetSpecifier: &corev3.GrpcService_EnvoyGrpc_{EnvoyGrpc: &corev3.GrpcService_EnvoyGrpc{ClusterName: "application"}},
			}},
		})},
		{rule: "preflight-after-limit", edit: before("limit", &limitv3.LocalRateLimit{StatPrefix: "limit"})},
		{rule: "refusal-without-cors", edit: before("jwt", jwt(true))},
		{rule: "builtin-cors-first", edit: func(e *editor) {
			e.insert(2, e.extension("envoy.filters.http.cors", &corsv3.Cors{}))
			e.route(e.policy)
		}},
		{rule: "builtin-cors-beside", edit: func(e *editor) {
			e.insert(3, e.extension("envoy.filters.http.cors", &corsv3.Cors{}))
			e.route(e.policy)
		}},
		{rule: "builtin-cors-beside", name: "without a policy", edit: before("envoy.filters.http.cors", &corsv3.Cors{})},
		{rule: "other-writer", edit: func(e *editor) {
			e.insert(0, e.extension("extra", &mutationv3.HeaderMutation{Mutations: &mutationv3.Mutations{
				ResponseMutations: []*rulesv3.HeaderMutation{set("access-control-max-age", "600")},
			}}))
		}},
		{rule: "other-writer", name: "script", edit: func(e *editor) {
			e.insert(0, e.extension("lua", &luav3.Lua{DefaultSourceCode: &corev3.DataSource{Specifier: &corev3.DataSource_InlineString{
				InlineString: "function envoy_on_response(h)\n h:headers():replace('Access-Control-Allow-Origin', '*')\nend",
			}}}))
		}},
		{rule: "origin-changed", edit: func(e *editor) {
			e.insert(0, e.extension("strip", &mutationv3.HeaderMutation{Mutations: &mutationv3.Mutations{
				RequestMutations: []*rulesv3.HeaderMutation{remove("origin")},
			}}))
		}},
		{rule: "origin-changed", name: "early", edit: func(e *editor) {
			e.manager(func(m *hcmv3.HttpConnectionManager) {
				m.EarlyHeaderMutationExtensions = []*corev3.TypedExtensionConfig{{
					Name:        "early",
					TypedConfig: e.packed(&earlyv3.HeaderMutation{Mutations: []*rulesv3.HeaderMutation{set("Origin", "https://a.example")}}),
				}}
			})
		}},
		{rule: "upgrade-chain", edit: func(e *editor) {
			e.manager(func(m *hcmv3.HttpConnectionManager) {
				m.UpgradeConfigs[0].Filters = []*hcmv3.HttpFilter{e.router()}
			})
		}},
	}
}

// publicKey is the example of RFC 7517, appendix A.1.
const publicKey = `{"keys":[{"kty":"EC","crv":"P-256","kid":"1","x":"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4","y":"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM"}]}`

func jwt(bypass bool) *jwtv3.JwtAuthentication {
	return &jwtv3.JwtAuthentication{
		Providers: map[string]*jwtv3.JwtProvider{"p": {
			Issuer: "https://issuer.example",
			JwksSourceSpecifier: &jwtv3.JwtProvider_LocalJwks{LocalJwks: &corev3.DataSource{
				Specifier: &corev3.DataSource_InlineString{InlineString: publicKey},
			}},
		}},
		BypassCorsPreflight: bypass,
	}
}

// policy gives a route a policy of Envoy's own filter.
func (e *editor) policy(r *routev3.Route) {
	r.TypedPerFilterConfig = map[string]*anypb.Any{"envoy.filters.http.cors": e.packed(&corsv3.CorsPolicy{
		AllowOriginStringMatch: []*matcherv3.StringMatcher{{MatchPattern: &matcherv3.StringMatcher_Exact{Exact: "https://a.example"}}},
	})}
}

func set(name, value string) *rulesv3.HeaderMutation {
	return &rulesv3.HeaderMutation{Action: &rulesv3.HeaderMutation_Append{Append: &corev3.HeaderValueOption{
		Header:       &corev3.HeaderValue{Key: name, Value: value},
		AppendAction: corev3.HeaderValueOption_OVERWRITE_IF_EXISTS_OR_ADD,
	}}}
}

func remove(name string) *rulesv3.HeaderMutation {
	return &rulesv3.HeaderMutation{Action: &rulesv3.HeaderMutation_Remove{Remove: name}}
}
