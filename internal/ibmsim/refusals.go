package ibmsim

import (
	"fmt"
	"net/http"
	"time"
)

// iamRefusal is the error body of tokens and API keys (errorCode, errorMessage, context).
func (k *call) iamRefusal(status int, code, message string) reply {
	at := k.now.UTC().Format("02.01.2006 15:04:05:000 MST")
	return reply{status: status, body: map[string]any{
		"errorCode":    code,
		"errorMessage": message,
		"context": map[string]any{
			"requestId": k.requestID, "requestType": "incoming." + k.route.method, "startTime": at, "endTime": at, "elapsedTime": "1",
			"instanceId": "iamid-sim", "host": k.r.Host, "threadId": "1", "clientIp": clientOf(k.r), "userAgent": k.r.UserAgent(), "locale": "en_US",
			"url": k.r.URL.Path,
		},
	}}
}

// listRefusal is the error body of user management, policies and access groups (trace, errors, status_code).
func (k *call) listRefusal(status int, code, message string) reply {
	return reply{status: status, body: map[string]any{
		"trace": k.requestID, "status_code": status, "errors": []map[string]any{{"code": code, "message": message}},
	}}
}

// ksRefusal is the error body of the Kubernetes Service.
func (k *call) ksRefusal(status int, code, kind, description string) reply {
	return reply{status: status, body: map[string]any{"incidentID": k.requestID, "code": code, "description": description, "type": kind}}
}

// Refusals of a missing or expired token, one per family of services.
func iamUnauthorized(k *call) reply {
	return k.iamRefusal(http.StatusUnauthorized, "BXNIM0308E", "No authorization header found, or its token is not valid.")
}

func listUnauthorized(k *call) reply {
	return k.listRefusal(http.StatusUnauthorized, "invalid_token", "The token is missing, malformed or expired.")
}

func ksUnauthorized(k *call) reply {
	return k.ksRefusal(http.StatusUnauthorized, "A0003", "Authentication", "The IAM token could not be verified.")
}

// Refusals of a caller without the role. The codes of the first and the last are inferred.
func (k *call) iamForbidden() reply {
	return k.iamRefusal(http.StatusForbidden, "BXNIM0513E", "You are not authorized to use this API.")
}

func (k *call) policyForbidden() reply {
	return k.listRefusal(http.StatusForbidden, "insufficent_permissions", "The caller does not have the access this request needs.")
}

func (k *call) ksForbidden(needs string) reply {
	return k.ksRefusal(http.StatusForbidden, "A0010", "Authentication", "You are not authorized to do this. The role needed is "+needs+".")
}

// clusterNotFound also answers for clusters the caller may not see.
func (k *call) clusterNotFound(ref string) reply {
	return k.ksRefusal(http.StatusNotFound, "G0004", "General", fmt.Sprintf("The specified cluster %q could not be found, or you may not see it.", ref))
}

// iamTime is IAM's timestamp: cut to the minute in the real service.
func (w *world) iamTime(t time.Time) string {
	precision := w.knobs.TimePrecision.Std()
	if precision == 0 || precision >= time.Minute {
		return t.UTC().Truncate(time.Minute).Format("2006-01-02T15:04-0700")
	}
	return t.UTC().Truncate(precision).Format("2006-01-02T15:04:05.000-0700")
}
