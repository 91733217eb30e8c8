package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/corsgate/corsgate/internal/config"
	"github.com/corsgate/corsgate/policy"
	"github.com/corsgate/corsgate/tenant/document"
	"github.com/corsgate/corsgate/tenant/files"
)

// explainSettings are the flags of explain.
type explainSettings struct {
	tenants       string
	host          string
	origin        string
	method        string
	requestMethod string
	requestHeader []string
	path          string
	scheme        string
	tenant        string
	at            string
	unknown       string
	webSocket     bool
	format        string
}

func (p *program) explainCommand() *cobra.Command {
	var s explainSettings
	cmd := &cobra.Command{
		Use:   "explain --tenants PATH --host HOST --origin ORIGIN [flags]",
		Short: "Say why a request is allowed or denied",
		Long: "Decides one request as serve would, and says which tenant and policy it meets, what was decided by which\n" +
			"rule, which entries almost matched, which headers leave, and what browsers make of them.\n" +
			"Exits 0 whatever the decision is.",
		Example: "  corsgate explain --tenants tenants/ --host api.acme.example --origin https://app.acme.example\n" +
			"  corsgate explain --tenants tenants/ --host api.acme.example --origin https://app.acme.example \\\n" +
			"    --request-method PUT --request-header content-type,authorization",
	}
	s.bind(cmd.Flags())
	return p.finish(leaf{cmd: cmd, check: s.check, run: func(context.Context, []string) error {
		return p.explain(s) //nolint:contextcheck // reading files has a time limit of its own
	}})
}

func (s *explainSettings) bind(f *pflag.FlagSet) {
	f.StringVar(&s.tenants, "tenants", "", "`PATH` of the file or directory of tenant documents (required)")
	f.StringVar(&s.host, "host", "", "`HOST` of the request, with its port if it has one (required)")
	f.StringVar(&s.origin, "origin", "", "`ORIGIN` of the request; empty for none")
	f.StringVar(&s.method, "method", "", "`METHOD` of the request (default GET; OPTIONS with --request-method)")
	f.StringVar(&s.requestMethod, "request-method", "", "`METHOD` of Access-Control-Request-Method: makes it a preflight")
	f.StringSliceVar(&s.requestHeader, "request-header", nil, "`NAME` in Access-Control-Request-Headers; repeat for more")
	f.StringVar(&s.path, "path", "/", "`PATH` of the request")
	config.Choice(f, &s.scheme, config.Choices{Name: "scheme", Values: []string{"https", "http"}, Usage: "scheme of the request"})
	f.StringVar(&s.tenant, "tenant", "", "tenant `ID` that Envoy's route names, instead of finding it by host")
	f.StringVar(&s.at, "at", "", "`TIME` to decide at, as 2027-01-31T00:00:00Z (default now)")
	config.BindUnknownTenant(f, &s.unknown)
	f.BoolVar(&s.webSocket, "websocket", false, "the request is a WebSocket handshake")
	config.Choice(f, &s.format, config.Choices{Name: "format", Values: []string{"text", "json"}, Usage: "form of the explanation"})
}

func (s *explainSettings) check(src config.Sources) config.Problems {
	var ps config.Problems
	if s.tenants == "" {
		ps = append(ps, config.Problem{Source: src.Of("tenants"), Detail: "no tenant documents are named", Fix: "name their file or directory"})
	}
	if s.host == "" && s.tenant == "" {
		ps = append(ps, config.Problem{Source: src.Of("host"), Detail: "the request has no host", Fix: "write the host that the browser asks"})
	}
	if !strings.HasPrefix(s.path, "/") && s.path != "*" {
		ps = append(ps, config.Problem{Source: src.Of("path"), Detail: fmt.Sprintf("%q does not start with a slash", s.path)})
	}
	if s.requestMethod == "" && len(s.requestHeader) > 0 {
		ps = append(ps, config.Problem{Source: src.Of("request-header"), Detail: "only a preflight asks for headers", Fix: "set --request-method too"})
	}
	if s.at == "" {
		return ps
	}
	if _, err := time.Parse(time.RFC3339, s.at); err != nil {
		ps = append(ps, config.Problem{Source: src.Of("at"), Detail: fmt.Sprintf("%q is not a time", s.at), Fix: "write a time such as 2027-01-31T00:00:00Z"})
	}
	return ps
}

func (p *program) explain(s explainSettings) error {
	snapshot, docs, err := files.Load(s.tenants)
	if problems, ok := errors.AsType[document.Problems](err); ok && len(docs) > 0 {
		// A broken document does not keep the others from being explained.
		fmt.Fprintf(p.stderr, "corsgate: the documents have problems; see corsgate check %s\n%v\n", s.tenants, problems)
	} else if err != nil {
		return err
	}
	e := s.explain(snapshot, docs)
	if s.format == "json" {
		return writeJSON(p.stdout, e)
	}
	return e.text(p.stdout)
}

func writeJSON(w io.Writer, v any) error {
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	encoder.SetEscapeHTML(false)
	return encoder.Encode(v)
}

// request is what policy sees; check made sure that the time can be read.
func (s *explainSettings) request() policy.Request {
	now := time.Now()
	if at, err := time.Parse(time.RFC3339, s.at); err == nil {
		now = at
	}
	method := s.method
	switch {
	case method != "":
	case s.requestMethod != "":
		method = "OPTIONS"
	default:
		method = "GET"
	}
	return policy.Request{
		Method: method, Scheme: s.scheme, Authority: s.host, Origin: s.origin,
		RequestMethod: s.requestMethod, RequestHeaders: strings.Join(s.requestHeader, ","),
		WebSocket: s.webSocket, Now: now.Unix(),
	}
}
