package ibmsim

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"strings"
	"time"
)

// What a token may be used for.
const (
	tokenAccess    = "access"
	tokenRefresh   = "refresh"
	tokenDelegated = "delegated"
	tokenKube      = "kube"  // the bearer towards a cluster's API server
	tokenOAuth     = "oauth" // the same towards an OpenShift cluster
	tokenAdmin     = "admin" // stands for an admin certificate: no expiry, survives its user (trap 55)
)

// claims is the payload of a token. The first fields are those IBM's tokens carry; use, precise and cluster are ours.
type claims struct {
	IAM     string       `json:"iam_id"`
	ID      string       `json:"id"`
	Subject string       `json:"sub"`
	Email   string       `json:"email,omitempty"`
	Account claimAccount `json:"account"`
	Issued  int64        `json:"iat"`
	Expires int64        `json:"exp"`
	Issuer  string       `json:"iss"`
	Grant   string       `json:"grant_type"`
	Scope   string       `json:"scope"`
	Client  string       `json:"client_id"`
	JTI     string       `json:"jti"`
	Use     string       `json:"use"`
	Precise int64        `json:"exp_ns"` // lives below a second would be lost in exp
	Cluster string       `json:"cluster,omitempty"`
	Roles   []string     `json:"groups,omitempty"`
}

type claimAccount struct {
	Valid bool   `json:"valid"`
	BSS   string `json:"bss"`
}

var tokenHeader = base64.RawURLEncoding.EncodeToString([]byte(`{"kid":"sim","typ":"JWT","alg":"HS256"}`))

// mint makes a token for an identity. Tokens are self-contained: nothing that happens to the key they came from can
// end them early (trap 12).
func (w *world) mint(who identity, use string, life time.Duration, now time.Time, adjust func(*claims)) string {
	end := now.Add(life)
	c := claims{
		IAM: who.iam, ID: who.iam, Subject: who.label(), Email: who.email, Account: claimAccount{true, w.accountID}, Issued: now.Unix(),
		Expires: end.Unix(), Issuer: "https://iam.cloud.ibm.com/identity", Grant: "urn:ibm:params:oauth:grant-type:apikey", Scope: "ibm openid",
		Client: "default", JTI: w.ids.next("jti"), Use: use, Precise: end.UnixNano(),
	}
	if adjust != nil {
		adjust(&c)
	}
	payload, err := json.Marshal(c)
	if err != nil {
		return ""
	}
	signed := tokenHeader + "." + base64.RawURLEncoding.EncodeToString(payload)
	return signed + "." + w.sign(signed)
}

// sign carries the canary, so that a leaked token is found as a leaked key is.
func (w *world) sign(text string) string {
	mac := hmac.New(sha256.New, w.signingKey)
	mac.Write([]byte(text))
	return CanaryPrefix + "token-" + hex.EncodeToString(mac.Sum(nil)[:16])
}

// readToken checks a token's signature and expiry.
func (w *world) readToken(token string, now time.Time) (claims, bool) {
	var c claims
	cut := strings.LastIndexByte(token, '.')
	if cut < 0 || !hmac.Equal([]byte(token[cut+1:]), []byte(w.sign(token[:cut]))) {
		return c, false
	}
	_, payload, _ := strings.Cut(token[:cut], ".")
	text, err := base64.RawURLEncoding.DecodeString(payload)
	if err != nil || json.Unmarshal(text, &c) != nil {
		return c, false
	}
	return c, now.UnixNano() < c.Precise
}

// Login returns an access token for a person by e-mail, as if they had logged in with a browser. Members and invitees
// can; nobody else has an identity here. Dynamic rules of access groups judge the person now.
func (c *Cloud) Login(email string) (token string, ok bool) {
	w := c.world.Load()
	w.mu.Lock()
	defer w.mu.Unlock()
	u := w.current(email)
	if u == nil {
		return "", false
	}
	now := w.clock.Now()
	w.applyRules(u, now)
	return w.mint(w.who(u.iam), tokenAccess, w.tokenLife(), now, nil), true
}
