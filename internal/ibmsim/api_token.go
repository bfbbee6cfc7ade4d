package ibmsim

import (
	"net/http"
	"net/url"
	"time"
)

// IAM's token endpoint (sections 1.1 and 1.2 of the vendor's documentation, as far as clients use it).
var tokenRoutes = []route{
	{api: &tokenAPI, method: "POST", path: "/identity/token", handle: grantToken, open: true},
	{api: &tokenAPI, method: "POST", path: "/identity/passcode", handle: makePasscode, open: true},
}

const (
	grantAPIKey    = "urn:ibm:params:oauth:grant-type:apikey"
	grantRefresh   = "refresh_token"
	grantDelegated = "urn:ibm:params:oauth:grant-type:delegated-refresh-token"

	refreshLife   = 72 * time.Hour
	delegatedLife = 10 * time.Minute
)

func grantToken(k *call) reply {
	form, err := url.ParseQuery(string(k.body))
	if err != nil {
		return k.iamRefusal(http.StatusBadRequest, "BXNIM0109E", "The form could not be read.")
	}
	switch form.Get("grant_type") {
	case grantAPIKey:
		return k.apiKeyGrant(form)
	case grantRefresh:
		return k.refreshGrant(form)
	case grantDelegated:
		return k.kubeGrant(form)
	}
	return k.iamRefusal(http.StatusBadRequest, "BXNIM0101E", "The grant_type is not supported.")
}

// apiKeyGrant refuses wrong, deleted, disabled and not yet replicated keys alike. The code for a disabled key is not
// published; it is the same here.
func (k *call) apiKeyGrant(form url.Values) reply {
	key := k.w.keyBySecret[form.Get("apikey")]
	if key == nil || !key.worksAt(k.now) || !k.w.memberAt(key.owner, k.now) {
		return k.iamRefusal(http.StatusBadRequest, "BXNIM0415E", "Provided API key could not be found.")
	}
	who := k.w.who(key.owner)
	response := form.Get("response_type")
	if who.service && response != "" && response != "cloud_iam" && response != "delegated_refresh_token" {
		return k.iamRefusal(http.StatusBadRequest, "BXNIM0106E", "The response_type is not allowed for a service ID. Valid values are cloud_iam, delegated_refresh_token.")
	}
	key.lastAuthn, key.authns = k.now, key.authns+1
	if u := k.w.byIAM[key.owner]; u != nil {
		u.lastAuthn, u.authns = k.now, u.authns+1
	}
	return k.tokens(who, grantAPIKey)
}

// refreshGrant is also the first step towards a Kubernetes id-token.
func (k *call) refreshGrant(form url.Values) reply {
	c, ok := k.w.readToken(form.Get("refresh_token"), k.now)
	if !ok || c.Use != tokenRefresh || !k.w.memberAt(c.IAM, k.now) {
		return k.iamRefusal(http.StatusBadRequest, "BXNIM0407E", "The refresh token is invalid or expired.")
	}
	who := k.w.who(c.IAM)
	if form.Get("response_type") == "delegated_refresh_token" {
		return ok200(map[string]any{"delegated_refresh_token": k.w.mint(who, tokenDelegated, delegatedLife, k.now, nil)})
	}
	return k.tokens(who, grantRefresh)
}

// kubeGrant gives the bearer for the API servers of clusters.
func (k *call) kubeGrant(form url.Values) reply {
	c, ok := k.w.readToken(form.Get("refresh_token"), k.now)
	if user, _, basic := k.r.BasicAuth(); !ok || c.Use != tokenDelegated || !basic || user != "kube" {
		return k.iamRefusal(http.StatusBadRequest, "BXNIM0407E", "The delegated refresh token is invalid or expired.")
	}
	who := k.w.who(c.IAM)
	rep := k.tokens(who, grantDelegated)
	body := rep.body.(map[string]any)
	body["id_token"] = k.w.mint(who, tokenKube, k.w.tokenLife(), k.now, nil)
	body["scope"] = "ibm openid containers-kubernetes"
	return rep
}

// tokens is the reply of a successful grant. A refresh token comes only with client credentials (trap 36).
func (k *call) tokens(who identity, grant string) reply {
	life := k.w.tokenLife()
	refresh := "not_supported"
	if _, _, basic := k.r.BasicAuth(); basic {
		refresh = k.w.mint(who, tokenRefresh, refreshLife, k.now, nil)
	}
	return ok200(map[string]any{
		"access_token":  k.w.mint(who, tokenAccess, life, k.now, func(c *claims) { c.Grant = grant }),
		"refresh_token": refresh, "token_type": "Bearer", "expires_in": wholeSeconds(life), "expiration": k.now.Add(life).Unix(), "scope": "ibm openid",
	})
}

func ok200(body map[string]any) reply { return reply{status: http.StatusOK, body: body} }

func wholeSeconds(d time.Duration) int64 { return max(int64(d/time.Second), 1) }

func makePasscode(k *call) reply {
	form, err := url.ParseQuery(string(k.body))
	if err != nil {
		return k.iamRefusal(http.StatusBadRequest, "BXNIM0109E", "The form could not be read.")
	}
	c, ok := k.w.readToken(form.Get("refresh_token"), k.now)
	if !ok || c.Use != tokenRefresh {
		return k.iamRefusal(http.StatusBadRequest, "BXNIM0407E", "The refresh token is invalid or expired.")
	}
	return ok200(map[string]any{"passcode": CanaryPrefix + "passcode-" + k.w.ids.next("passcode" + c.IAM)[:10]})
}
