package demo

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"sync/atomic"
)

// shop returns the sample application. It is a typical backend that gets CORS
// wrong: it says "*" and "true" to everybody, whatever was asked. The demo shows
// that none of it reaches a browser.
func shop() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v1/orders", func(w http.ResponseWriter, _ *http.Request) {
		writeJSON(w, http.StatusOK, map[string]any{"orders": []int{7, 8}})
	})
	mux.HandleFunc("PUT /v1/orders/{id}", func(w http.ResponseWriter, r *http.Request) {
		var order struct {
			Qty int `json:"qty"`
		}
		if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<10)).Decode(&order); err != nil {
			writeJSON(w, http.StatusBadRequest, map[string]any{"error": "an order is a JSON object with a qty"})
			return
		}
		writeJSON(w, http.StatusOK, map[string]any{"order": r.PathValue("id"), "qty": order.Qty})
	})
	mux.HandleFunc("DELETE /v1/orders/{id}", func(w http.ResponseWriter, r *http.Request) {
		writeJSON(w, http.StatusOK, map[string]any{"deleted": r.PathValue("id")})
	})
	mux.HandleFunc("GET /v1/session", session)
	mux.HandleFunc("GET /v1/fail", func(w http.ResponseWriter, _ *http.Request) {
		writeJSON(w, http.StatusInternalServerError, map[string]any{"error": "out of stock"})
	})
	mux.HandleFunc("GET /v1/crash", crash)
	mux.HandleFunc("GET /public/catalog", func(w http.ResponseWriter, _ *http.Request) {
		writeJSON(w, http.StatusOK, map[string]any{"catalog": []string{"apple", "pear"}})
	})
	return wrongCORS(mux)
}

// session answers who the cookie belongs to, and gives a cookie to whoever has none.
func session(w http.ResponseWriter, r *http.Request) {
	cookie, err := r.Cookie("session")
	if err != nil {
		// The pages are on other sites than the API. Browsers keep a cookie from there when it
		// is partitioned, and take Secure from *.localhost, which they trust without TLS.
		http.SetCookie(w, &http.Cookie{ //nolint:gosec // SameSite=None is what the demo is about
			Name: "session", Value: "ada", Path: "/",
			HttpOnly: true, Secure: true, SameSite: http.SameSiteNoneMode, Partitioned: true,
		})
		writeJSON(w, http.StatusOK, map[string]any{"user": nil})
		return
	}
	writeJSON(w, http.StatusOK, map[string]any{"user": cookie.Value})
}

// crash ends the connection without a response, as an application does that dies.
// Envoy then answers the client itself.
func crash(w http.ResponseWriter, _ *http.Request) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		http.Error(w, "this application cannot crash over HTTP/2", http.StatusInternalServerError)
		return
	}
	_ = conn.Close()
}

// wrongCORS adds the headers of an application that tries to do CORS itself, and
// two headers of its own: one the tenants file exposes, one it does not.
func wrongCORS(next http.Handler) http.Handler {
	var served atomic.Int64
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Access-Control-Allow-Origin", "*")
		h.Set("Access-Control-Allow-Credentials", "true")
		h.Set("Access-Control-Allow-Methods", "*")
		h.Set("X-Request-Id", "order-"+strconv.FormatInt(served.Add(1), 10))
		h.Set("X-Internal-Node", "rack-4")
		next.ServeHTTP(w, r)
	})
}

func writeJSON(w http.ResponseWriter, status int, value any) {
	body, err := json.Marshal(value)
	if err != nil {
		http.Error(w, fmt.Sprintf("writing JSON: %v", err), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(body)
}
