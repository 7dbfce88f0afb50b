// On a slow link people press twice: a form is sent once.
addEventListener('submit', (event) => {
  const form = event.target
  if (!(form instanceof HTMLFormElement)) return
  if (form.dataset['sent']) event.preventDefault()
  form.dataset['sent'] = 'yes'
})

// A page that comes back from the browser's memory may send its forms again.
addEventListener('pageshow', () => {
  for (const form of document.forms) delete form.dataset['sent']
})
