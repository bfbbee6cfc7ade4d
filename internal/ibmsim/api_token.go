package ibmsim

import (
	"net/http"
	"net/url"
	"strings"
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
	grantAssume    = "urn:ibm:params:oauth:grant-type:assume"
	grantPasscode  = "urn:ibm:params:oauth:grant-type:passcode"

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
	case grantAssume:
		return k.assumeGrant(form)
	case grantPasscode:
		return k.passcodeGrant(form)
	}
	return k.iamRefusal(http.StatusBadRequest, "BXNIM0101E", "The grant_type is not supported.")
}

// apiKeyGrant refuses wrong, deleted, disabled and not yet replicated keys alike. The code for a disabled key is not
// published; it is the same here.
func (k *call) apiKeyGrant(form url.Values) reply {
	key := k.w.keyBySecret[form.Get("apikey")]
	if key == nil || !key.worksAt(k.now) || !k.w.memberAt(key.owner, k.now) {
		return k.unknownKey()
	}
	who := k.w.who(key.owner)
	response := form.Get("response_type")
	if who.service && response != "" && response != "cloud_iam" && response != "delegated_refresh_token" {
		return k.iamRefusal(http.StatusBadRequest, "BXNIM0106E", "The response_type is not allowed for a service ID. Valid values are cloud_iam, delegated_refresh_token.")
	}
	key.lastAuthn, key.authns = k.now, key.authns+1
	k.w.loggedIn(key.owner, k.now)
	return k.tokens(who, grantAPIKey)
}

func (k *call) unknownKey() reply {
	return k.iamRefusal(http.StatusBadRequest, "BXNIM0415E", "Provided API key could not be found.")
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
		refresh = k.w.mint(who, tokenRefresh, k.w.settings.refreshTokenLife(), k.now, nil)
	}
	return ok200(map[string]any{
		"access_token":  k.w.mint(who, tokenAccess, life, k.now, func(c *claims) { c.Grant = grant }),
		"refresh_token": refresh, "token_type": "Bearer", "expires_in": wholeSeconds(life), "expiration": k.now.Add(life).Unix(), "scope": "ibm openid",
	})
}

func ok200(body map[string]any) reply { return reply{status: http.StatusOK, body: body} }

func wholeSeconds(d time.Duration) int64 { return max(int64(d/time.Second), 1) }

// assumeGrant turns an identity's token into one of a trusted profile that admits it. Its refusals are inferred.
func (k *call) assumeGrant(form url.Values) reply {
	c, ok := k.w.readToken(form.Get("access_token"), k.now)
	if !ok || c.Use != tokenAccess || !k.w.memberAt(c.IAM, k.now) {
		return k.iamRefusal(http.StatusBadRequest, "BXNIM0408E", "The access token is invalid or expired.")
	}
	for _, p := range k.w.profiles {
		named := p.id == form.Get("profile_id") || form.Get("profile_crn") != "" && strings.HasSuffix(form.Get("profile_crn"), ":profile:"+p.id) ||
			p.name == form.Get("profile_name") && k.account(form.Get("account"))
		if p.deleted || !named {
			continue
		}
		if !k.w.admits(p, c.IAM) {
			break
		}
		return k.tokens(k.w.who(p.iam), grantAssume)
	}
	return k.iamRefusal(http.StatusBadRequest, "BXNIM0513E", "You are not authorized to assume this trusted profile.")
}

// passcodeGrant uses up a one-time passcode.
func (k *call) passcodeGrant(form url.Values) reply {
	iam, ok := k.w.redeem(form.Get("passcode"), k.now)
	if !ok {
		return k.iamRefusal(http.StatusBadRequest, "BXNIM0414E", "The passcode is invalid or was used before.")
	}
	k.w.loggedIn(iam, k.now)
	if u := k.w.byIAM[iam]; u != nil {
		k.w.applyRules(u, k.now)
	}
	return k.tokens(k.w.who(iam), grantPasscode)
}

// passcode is a one-time password that stands for an identity.
type passcode struct {
	iam     string
	expires time.Time
}

// passcodeLife is inferred; the real one is short, too.
const passcodeLife = 5 * time.Minute

// redeem takes a passcode out of the world and tells whose it was.
func (w *world) redeem(code string, now time.Time) (iam string, ok bool) {
	p, found := w.passcodes[code]
	delete(w.passcodes, code)
	return p.iam, found && now.Before(p.expires) && w.memberAt(p.iam, now)
}

// loggedIn notes a login of a user or service ID. One made by Secrets Manager locks itself again (trap 52, inferred).
func (w *world) loggedIn(iam string, now time.Time) {
	if u := w.byIAM[iam]; u != nil {
		u.lastAuthn, u.authns = now, u.authns+1
	}
	if s := w.serviceByIAM[iam]; s != nil {
		s.lastAuthn, s.authns = now, s.authns+1
		s.locked = s.locked || s.relocks
	}
}

func makePasscode(k *call) reply {
	form, err := url.ParseQuery(string(k.body))
	if err != nil {
		return k.iamRefusal(http.StatusBadRequest, "BXNIM0109E", "The form could not be read.")
	}
	c, ok := k.w.readToken(form.Get("refresh_token"), k.now)
	if !ok || c.Use != tokenRefresh {
		return k.iamRefusal(http.StatusBadRequest, "BXNIM0407E", "The refresh token is invalid or expired.")
	}
	for code, p := range k.w.passcodes {
		if !k.now.Before(p.expires) {
			delete(k.w.passcodes, code)
		}
	}
	code := CanaryPrefix + "passcode-" + k.w.ids.next("passcode")[:10]
	k.w.passcodes[code] = passcode{c.IAM, k.now.Add(passcodeLife)}
	return ok200(map[string]any{"passcode": code})
}
