package token

import (
	"net/http"
	"strings"

	"github.com/fairlead/fairlead"
)

// publicClients are the programs that people sign in with. They have no secret: anybody may use their ids, so
// nothing follows from one but the name that people are shown.
func publicClients() map[string]string {
	return map[string]string{
		fairlead.CommandLineApp:                "Fairlead command line",
		"04b07795-8ddb-461a-bbee-02f9e1bf7b46": "Azure CLI",
		"1950a258-227b-4e31-a9cf-717495945fc2": "Azure PowerShell",
		"80faf920-1908-4b52-b5ef-a8e7bedfc67a": "kubelogin",
	}
}

// publicClient returns the id of the program that a request comes from.
func (s *Service) publicClient(r *http.Request) (string, error) {
	id := strings.ToLower(r.Form.Get("client_id"))
	switch _, known := publicClients()[id]; {
	case id == "":
		return "", badRequest("invalid_request", 900144, "The request body must contain the following parameter: 'client_id'.")
	case !known:
		return "", unknownApplication(id, s.TenantID)
	case r.PostForm.Has("client_secret") || r.PostForm.Has("client_assertion"):
		return "", badRequest("invalid_client", 700025, "Client is public so neither 'client_assertion' nor 'client_secret' should be presented.")
	}
	return id, nil
}
