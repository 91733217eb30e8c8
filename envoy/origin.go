package envoy

import (
	exprv1 "cel.dev/expr"
	xdscorev3 "github.com/cncf/xds/go/xds/core/v3"
	matchv3 "github.com/cncf/xds/go/xds/type/matcher/v3"
	xdstypev3 "github.com/cncf/xds/go/xds/type/v3"

	"github.com/corsgate/corsgate/envoy/wire"
)

// ownOrigin matches a request whose Origin is the scheme and host that it is sent to:
//
//	origin.startsWith(request.scheme) && origin.endsWith(request.host) &&
//	size(origin) == size(request.scheme) + 3 + size(request.host)
//
// and it has "://" in it, which can only be the three bytes between the two. Envoy takes
// expressions in matchers as syntax trees only, and joins no strings in them. An Origin that
// differs in the case of the host, or in a default port that is written out, is own to corsgate and not
// here: it fails closed.
func (c chooser) ownOrigin() *predicate {
	var e expression
	request := func(field string) *exprv1.Expr { return e.sel(e.ident("request"), field) }
	origin := func() *exprv1.Expr { return e.call("_[_]", request("headers"), e.text(wire.HeaderOrigin)) }
	size := func(of *exprv1.Expr) *exprv1.Expr { return e.call("size", of) }
	length := e.call("_+_", e.call("_+_", size(request("scheme")), e.number(3)), size(request("host")))
	own := e.call("_&&_",
		e.call("_&&_", e.method(origin(), "startsWith", request("scheme")), e.method(origin(), "endsWith", request("host"))),
		e.call("_==_", size(origin()), length))
	return allOf(c.header(wire.HeaderOrigin, containing("://")), &predicate{MatchType: &matchv3.Matcher_MatcherList_Predicate_SinglePredicate_{
		SinglePredicate: &matchv3.Matcher_MatcherList_Predicate_SinglePredicate{
			Input: c.input("request", &matchv3.HttpAttributesCelMatchInput{}),
			Matcher: &matchv3.Matcher_MatcherList_Predicate_SinglePredicate_CustomMatch{
				CustomMatch: &xdscorev3.TypedExtensionConfig{Name: "own-origin", TypedConfig: c.any(&matchv3.CelMatcher{
					ExprMatch: &xdstypev3.CelExpression{CelExprParsed: &exprv1.ParsedExpr{Expr: own}},
				})},
			},
		},
	}})
}

// expression makes the nodes of one syntax tree of CEL, and numbers them.
type expression struct{ nodes int64 }

func (e *expression) node() *exprv1.Expr {
	e.nodes++
	return &exprv1.Expr{Id: e.nodes}
}

func (e *expression) ident(name string) *exprv1.Expr {
	n := e.node()
	n.ExprKind = &exprv1.Expr_IdentExpr{IdentExpr: &exprv1.Expr_Ident{Name: name}}
	return n
}

func (e *expression) sel(of *exprv1.Expr, field string) *exprv1.Expr {
	n := e.node()
	n.ExprKind = &exprv1.Expr_SelectExpr{SelectExpr: &exprv1.Expr_Select{Operand: of, Field: field}}
	return n
}

func (e *expression) text(value string) *exprv1.Expr {
	n := e.node()
	n.ExprKind = &exprv1.Expr_ConstExpr{ConstExpr: &exprv1.Constant{ConstantKind: &exprv1.Constant_StringValue{StringValue: value}}}
	return n
}

func (e *expression) number(value int64) *exprv1.Expr {
	n := e.node()
	n.ExprKind = &exprv1.Expr_ConstExpr{ConstExpr: &exprv1.Constant{ConstantKind: &exprv1.Constant_Int64Value{Int64Value: value}}}
	return n
}

func (e *expression) call(function string, args ...*exprv1.Expr) *exprv1.Expr {
	return e.method(nil, function, args...)
}

func (e *expression) method(of *exprv1.Expr, function string, args ...*exprv1.Expr) *exprv1.Expr {
	n := e.node()
	n.ExprKind = &exprv1.Expr_CallExpr{CallExpr: &exprv1.Expr_Call{Target: of, Function: function, Args: args}}
	return n
}
