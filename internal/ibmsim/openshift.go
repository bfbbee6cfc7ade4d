package ibmsim

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// OpenShift clusters take no token of IAM: a client logs in at the cluster's OAuth server with an API key or a passcode
// and gets a token of the cluster's own. The token is not tied to the user's membership, like an admin certificate.

// oauthLife is the default life of OpenShift's access tokens.
const oauthLife = 24 * time.Hour

// serveOpenShift answers what an OpenShift cluster serves beside the Kubernetes API, and reports whether it did.
func (w *world) serveOpenShift(c *cluster, path string, rw http.ResponseWriter, r *http.Request) bool {
	if c.spec.Type != "openshift" || r.Method != http.MethodGet {
		return false
	}
	switch path {
	case "/.well-known/oauth-authorization-server":
		server := baseOf(r) + "/kube/" + c.id
		writeJSON(rw, http.StatusOK, map[string]any{
			"issuer": server, "authorization_endpoint": server + "/oauth/authorize", "token_endpoint": server + "/oauth/token",
			"response_types_supported": []string{"code", "token"}, "grant_types_supported": []string{"authorization_code", "implicit"},
		})
	case "/oauth/authorize":
		w.authorizeOpenShift(c, rw, r)
	case "/apis/user.openshift.io/v1/users/~":
		w.whoAmI(c, rw, r)
	default:
		return false
	}
	return true
}

// authorizeOpenShift answers a challenge login with a redirect whose fragment holds the token, which must not be followed.
func (w *world) authorizeOpenShift(c *cluster, rw http.ResponseWriter, r *http.Request) {
	if q := r.URL.Query(); q.Get("response_type") != "token" || q.Get("client_id") != "openshift-challenging-client" {
		writeJSON(rw, http.StatusBadRequest, map[string]any{"error": "invalid_request"})
		return
	}
	kind, secret, _ := r.BasicAuth()
	w.mu.Lock()
	defer w.mu.Unlock()
	now := w.clock.Now()
	iam := ""
	switch kind {
	case "apikey":
		if key := w.keyBySecret[secret]; key != nil && key.worksAt(now) && w.memberAt(key.owner, now) {
			iam = key.owner
			key.lastAuthn, key.authns = now, key.authns+1
		}
	case "passcode":
		iam, _ = w.redeem(secret, now)
	}
	if iam == "" {
		rw.Header().Set("WWW-Authenticate", `Basic realm="openshift"`)
		writeJSON(rw, http.StatusUnauthorized, map[string]any{"error": "access_denied"})
		return
	}
	if !w.knownTo(c, iam, now) {
		// A fresh user's first login may fail until the cluster has looked the user up.
		writeJSON(rw, http.StatusInternalServerError, map[string]any{"error": "server_error", "error_description": "The user could not be looked up."})
		return
	}
	w.loggedIn(iam, now)
	token := w.mint(w.who(iam), tokenOAuth, oauthLife, now, func(cl *claims) { cl.Cluster = c.id })
	fragment := url.Values{"access_token": {"sha256~" + token}, "expires_in": {strconv.FormatInt(wholeSeconds(oauthLife), 10)}, "scope": {"user:full"}, "token_type": {"Bearer"}}
	rw.Header().Set("Location", baseOf(r)+"/kube/"+c.id+"/oauth/token/implicit#"+fragment.Encode())
	rw.WriteHeader(http.StatusFound)
}

// knownTo tells whether a cluster has looked the user up, which begins with the first login.
func (w *world) knownTo(c *cluster, iam string, now time.Time) bool {
	if c.logins == nil {
		c.logins = map[string]time.Time{}
	}
	first, seen := c.logins[iam]
	if !seen {
		first = now
		c.logins[iam] = now
	}
	return now.Sub(first) >= w.knobs.OAuthDelay.Std()
}

// whoAmI is OpenShift's user resource of the caller.
func (w *world) whoAmI(c *cluster, rw http.ResponseWriter, r *http.Request) {
	user, known := w.kubeUser(c, r)
	if !known {
		writeJSON(rw, http.StatusUnauthorized, map[string]any{"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": "Unauthorized", "code": http.StatusUnauthorized, "message": "Unauthorized"})
		return
	}
	w.mu.Lock()
	uid := uuidOf(w.ids.of("openshift-user", c.id+user.Name))
	iam := w.iamByEmail(strings.TrimPrefix(user.Name, subjectPrefix))
	w.mu.Unlock()
	writeJSON(rw, http.StatusOK, map[string]any{
		"kind": "User", "apiVersion": "user.openshift.io/v1", "metadata": map[string]any{"name": user.Name, "uid": uid, "creationTimestamp": c.created.UTC().Format(time.RFC3339)},
		"identities": []string{"IAM:" + iam}, "groups": user.Groups,
	})
}

func writeJSON(rw http.ResponseWriter, status int, body any) {
	text, err := json.Marshal(body)
	if err != nil {
		http.Error(rw, err.Error(), http.StatusInternalServerError)
		return
	}
	rw.Header().Set("Content-Type", "application/json")
	rw.WriteHeader(status)
	rw.Write(text)
}
