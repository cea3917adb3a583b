// Passkeys belong to a host name over HTTPS, or to localhost: where they cannot work they are not offered.
const isAddress = /^[\d.]+$|:/.test(location.hostname)
if (!window.PublicKeyCredential || isAddress) {
  for (const part of document.querySelectorAll('[data-passkeys]')) part.hidden = true
}
document.addEventListener('allauth.error', event => {
  event.preventDefault()
  document.getElementById('script-error').hidden = false
})
// What waited for a confirmation goes on by itself.
document.querySelector('form[data-submit]')?.requestSubmit()
