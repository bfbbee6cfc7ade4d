package ibmsim

import (
	"net/http"
	"slices"
)

// Authorizations let one service use another, as a cluster reads certificates. They are kept, listed and refused as IBM's
// are; nothing that the simulator models depends on one.

// setSubject takes the subject's attributes as the kind of policy means them.
func (p *policy) setSubject(attrs []attribute) {
	if p.kind == kindAuthorization {
		p.source = attrs
		return
	}
	if len(attrs) == 1 {
		p.subjectKey, p.subject = attrs[0].key, attrs[0].value
	}
}

func (p *policy) subjectAttributes() []attribute {
	if p.kind == kindAuthorization {
		return p.source
	}
	return []attribute{{p.subjectKey, "stringEquals", p.subject}}
}

// names tells whether the policy says one of these things about what it is for.
func (p *policy) names(keys ...string) bool {
	return slices.ContainsFunc(p.attrs, func(a attribute) bool { return slices.Contains(keys, a.key) })
}

func valueOf(attrs []attribute, key string) string {
	i := slices.IndexFunc(attrs, func(a attribute) bool { return a.key == key })
	if i < 0 {
		return ""
	}
	return attrs[i].value
}

// badAuthorization wants a service on both sides and the source in this account; another account's is refused, because
// there is none here. The refusals are inferred.
func (k *call) badAuthorization(p *policy) reply {
	if valueOf(p.source, "serviceName") == "" || !p.names("serviceName") {
		return k.listRefusal(http.StatusBadRequest, "invalid_body", "An authorization names a service as its subject and one as its resource.")
	}
	if !k.account(valueOf(p.source, "accountId")) {
		return k.listRefusal(http.StatusBadRequest, "invalid_body", "The account of the subject does not exist.")
	}
	if p.times != nil {
		return k.listRefusal(http.StatusBadRequest, "invalid_body", "An authorization has no rule.")
	}
	return reply{}
}
